//! The engine on other machines, if `serve` is told of one and the program knows how to ask it.

use farmtally_service::Distributed;

use crate::args::{Engine, EngineArguments};
use crate::data_folder::DataFolder;
use crate::report_error::Failure;

/// The engine that the flags name, or none for the native one alone.
pub(crate) fn distributed(
    arguments: &EngineArguments,
    folder: &DataFolder,
) -> Result<Option<Distributed>, Failure> {
    match arguments.engine {
        Engine::Native => Ok(None),
        Engine::Spark => spark(arguments, folder).map(Some),
    }
}

#[cfg(feature = "cluster")]
fn spark(arguments: &EngineArguments, folder: &DataFolder) -> Result<Distributed, Failure> {
    use std::sync::Arc;

    use farmtally_cluster::{Address, SparkEngine};
    use farmtally_service::StoreLocation;

    let refused = |flag: &'static str| {
        move |error: farmtally_cluster::SettingError| Failure::usage(format!("`{flag}`: {error}"))
    };
    let mut address = Address::parse(arguments.spark_address.as_deref().unwrap_or_default())
        .map_err(refused("--spark-address"))?;
    if let Some(path) = &arguments.spark_token_file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::caused(format!("cannot read `{}`", path.display()), &error))?;
        let token = text.lines().next().unwrap_or_default().trim();
        address = address.with_token(token).map_err(refused("--spark-token-file"))?;
    }
    let root = match &arguments.spark_root {
        Some(root) => root.clone(),
        None => format!("file://{}", absolute(StoreLocation::of_folder(folder.path())?.segments_folder())?),
    };
    let engine = SparkEngine::new(address, &root).map_err(refused("--spark-root"))?;
    let records_min = arguments.spark_sessions_min as u64;
    Ok(Distributed { engine: Arc::new(engine), records_min })
}

#[cfg(feature = "cluster")]
fn absolute(folder: Option<&std::path::Path>) -> Result<String, Failure> {
    let in_bucket = || {
        Failure::usage("the segments are in a bucket, so that `--engine spark` has to be told where")
            .hint("pass `--spark-root`, such as s3a://BUCKET/PREFIX")
    };
    let folder = folder.ok_or_else(in_bucket)?;
    let path = std::path::absolute(folder)
        .map_err(|error| Failure::caused(format!("cannot find `{}`", folder.display()), &error))?;
    match path.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => Err(Failure::usage(format!("`{}` is not UTF-8; pass `--spark-root`", path.display()))),
    }
}

#[cfg(not(feature = "cluster"))]
fn spark(_: &EngineArguments, _: &DataFolder) -> Result<Distributed, Failure> {
    Err(Failure::usage(
        "this program was built without Spark Connect, so that `--engine spark` cannot be used",
    )
    .hint("build it with `cargo build --release --features cluster`"))
}
