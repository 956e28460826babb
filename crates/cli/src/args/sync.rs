//! The flags of `sync`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use farmtally_deadline::{Endpoint, PAGE_SIZE_MAX};
use farmtally_model::FarmId;

use super::time::parse_pause;
use crate::data_folder::DataFolder;
use crate::region::parse_region;

/// Shortest time between two passes.
const EVERY_LEAST: Duration = Duration::from_secs(10);
/// Most calls at once.
const CONCURRENCY_MAX: i64 = 32;

#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Copy a farm of AWS Deadline Cloud: its names, queues, fleets and associations, and the sessions of its jobs
    #[command(after_help = AWS_NOTES)]
    Aws(Box<SyncAwsArguments>),
}

const AWS_NOTES: &str = "\
Credentials are those of AWS's own tools: environment, profiles, credential_process, containers and instances; for single \
sign-on and roles the AWS CLI is asked. AWS_ENDPOINT_URL and the like are not obeyed, so that a shell which is set up for \
farmtally still copies from AWS. A copy can be repeated and stopped at any time: what is stored counts as unchanged, jobs \
that are over are not read again, and sessions that ran are read until they end. AWS tells no price and no licence of a \
session: the farm's rate card prices them.";

#[derive(Debug, Args)]
pub(crate) struct SyncAwsArguments {
    #[command(flatten)]
    pub(crate) folder: DataFolder,
    /// Id of the farm at AWS, which it keeps here
    #[arg(long, value_name = "ID")]
    pub(crate) farm: FarmId,
    /// Profile of AWS's config and credentials files [default: as AWS's own tools choose]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Region of the farm [default: as AWS's own tools choose]
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub(crate) region: Option<String>,
    /// Base URL of another server with the same operations, such as another farmtally [default: AWS's own of the region]
    #[arg(long, value_name = "URL", value_parser = Endpoint::parse)]
    pub(crate) endpoint: Option<Endpoint>,
    /// Rate card that becomes the farm's before anything is stored
    #[arg(long, value_name = "FILE")]
    pub(crate) rates: Option<PathBuf>,
    /// Copy again and again, with so much time between, such as 5m or 1h, until a signal says stop
    #[arg(long, value_name = "TIME", value_parser = parse_every)]
    pub(crate) every: Option<Duration>,
    /// Read all jobs again, also those that were over when they were read before
    #[arg(long)]
    pub(crate) full: bool,
    /// Read, check and price everything, and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Most calls at once
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=CONCURRENCY_MAX))]
    pub(crate) concurrency: u16,
    /// Most entries of a page
    #[arg(long, value_name = "N", default_value_t = PAGE_SIZE_MAX,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_SIZE_MAX)))]
    pub(crate) page_size: u32,
    /// Most sessions of a batch, which is one durable commit
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) batch: u32,
}

fn parse_every(text: &str) -> Result<Duration, String> {
    parse_pause(text, EVERY_LEAST)
}
