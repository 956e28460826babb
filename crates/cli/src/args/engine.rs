//! Flags of `serve` about the engine that answers aggregations.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::number::parse_at_least_one;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The one in this program
    Native,
    /// Spark Connect for what is large and sealed, and the one in this program for the rest
    Spark,
}

#[derive(Debug, Args)]
pub(crate) struct EngineArguments {
    /// Which engine answers aggregations; `spark` takes a program that was built with the feature `cluster`
    #[arg(
        long,
        value_enum,
        value_name = "NAME",
        default_value = "native",
        env = "FARMTALLY_ENGINE",
        hide_env = true
    )]
    pub(crate) engine: Engine,
    /// Spark Connect server, such as sc://spark.lan:15002
    #[arg(
        long,
        value_name = "ADDRESS",
        required_if_eq("engine", "spark"),
        env = "FARMTALLY_SPARK_ADDRESS",
        hide_env = true
    )]
    pub(crate) spark_address: Option<String>,
    /// File with the token that Spark asks for, if it asks for one
    #[arg(long, value_name = "FILE", env = "FARMTALLY_SPARK_TOKEN_FILE", hide_env = true)]
    pub(crate) spark_token_file: Option<PathBuf>,
    /// Where Spark's workers find the folder with the segments, such as file:///mnt/farm [default: file:// and its path here]
    #[arg(long, value_name = "URL", env = "FARMTALLY_SPARK_ROOT", hide_env = true)]
    pub(crate) spark_root: Option<String>,
    /// Sealed sessions in the months of a question from which on Spark is asked
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000, value_parser = parse_at_least_one,
          env = "FARMTALLY_SPARK_SESSIONS_MIN", hide_env = true)]
    pub(crate) spark_sessions_min: usize,
}
