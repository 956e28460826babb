//! The distributed engine: a question becomes SQL for any server of the Spark Connect protocol, and its rows become groups.
//!
//! Apache Spark 4 and Sail are such servers. They read the sealed Parquet files themselves; only the question goes there and
//! only groups come back. Their arithmetic is not trusted: DataFusion, on which Sail is built, wraps sums of 64 and of 128
//! bits in silence. So every sum has a bound that is known before it is asked for (`sql`), every row is checked on its own
//! (`answer`), and every answer has to account for all lines and all costs that the manifest has.

#![cfg(feature = "spark")]

mod answer;
mod engine;
mod spark;
mod sql;

pub use engine::SparkEngine;
pub use spark::{Address, SettingError};
