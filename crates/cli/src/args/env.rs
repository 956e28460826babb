//! Flags of `env`.

use clap::Args;

use super::address::parse_endpoint;
use crate::aws_profile::ProfileName;
use crate::data_folder::DataFolder;

pub(super) const NOTES: &str = "\
In a shell: eval \"$(farmtally env --data-dir DIR)\". It is the key of whoever owns the folder; \
`farmtally key create` makes keys for others.
With `--write-profile` everything goes into ~/.aws/config (or the file that AWS_CONFIG_FILE names) as the profile \
`farmtally`, or as NAME. All else in the file stays as it is; a profile that somebody else wrote is left alone.";

#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Base URL of the server [default: that of the running server, or http://127.0.0.1:8037]
    #[arg(long, value_name = "URL", value_parser = parse_endpoint)]
    pub(crate) endpoint: Option<String>,
    /// Write the same into the AWS configuration file as a profile, and print the line that chooses it
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "farmtally")]
    pub(crate) write_profile: Option<ProfileName>,
}
