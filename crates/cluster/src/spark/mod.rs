//! Spark Connect: where a server is, the messages of the protocol, and a session of one question.

mod address;
mod message;
mod session;

pub use address::{Address, SettingError};
pub(crate) use session::{Session, Stop};
