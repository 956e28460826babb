//! Flags of `doctor`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::address::{LISTEN_DEFAULT, parse_address, parse_endpoint};
use crate::data_folder::VARIABLE;

pub(super) const NOTES: &str = "\
A line starts with `ok`, `note` or `wrong`, and below it stands the line that mends it. Exit code 0: nothing is wrong. \
1: something is. Nothing is changed, and nothing is sent to anyone but the server.";

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Folder to look at [default: none; then only what a client needs is looked at]
    #[arg(long, value_name = "DIR", env = VARIABLE)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Base URL of the server [default: the folder's, or AWS_ENDPOINT_URL_DEADLINE, or http://127.0.0.1:8037]
    #[arg(long, value_name = "URL", value_parser = parse_endpoint)]
    pub(crate) endpoint: Option<String>,
    /// Address and port that `serve` is to listen on
    #[arg(long, value_name = "ADDR", default_value_t = LISTEN_DEFAULT, value_parser = parse_address)]
    pub(crate) listen: SocketAddr,
    /// Only whether the server answers and the disk has room, for health checks
    #[arg(long)]
    pub(crate) quick: bool,
}
