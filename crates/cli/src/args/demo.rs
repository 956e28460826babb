//! Flags of `demo`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::address::parse_loopback;
use super::serve::LogArguments;

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Folder of the demonstration [default: farmtally/demo in $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address and port to listen on, on this machine; port 0 is any [default: 127.0.0.1:8037 or the next free port]
    #[arg(long, value_name = "ADDR", value_parser = parse_loopback)]
    pub(crate) listen: Option<SocketAddr>,
    /// Remove the folder of the demonstration, and do nothing else
    #[arg(long, conflicts_with = "listen")]
    pub(crate) clean: bool,
    #[command(flatten)]
    pub(crate) log: LogArguments,
}
