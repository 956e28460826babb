//! `export`: tables for others, one file for each month, each replaced as a whole.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use farmtally_service::{ExportError, ExportFormat, FocusOptions, Month, Table};

use crate::args::export::{
    ExportCommand, FocusArguments, FocusFormat, RangeArguments, SessionsArguments, SessionsFormat,
};
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;

/// Does what was asked for.
pub(crate) fn run(command: &ExportCommand) -> Result<(), Failure> {
    match command {
        ExportCommand::Focus(arguments) => focus(arguments),
        ExportCommand::Sessions(arguments) => sessions(arguments),
    }
}

fn focus(arguments: &FocusArguments) -> Result<(), Failure> {
    let format = match arguments.format {
        FocusFormat::Csv => ExportFormat::Csv,
        FocusFormat::Parquet => ExportFormat::Parquet,
    };
    let options = FocusOptions { version: arguments.focus_version, provider: arguments.provider.clone() };
    export(&arguments.range, "billing_month", "focus", format, &|reading, farm_id, month| {
        reading.service().export_focus(farm_id, month, &options)
    })
}

fn sessions(arguments: &SessionsArguments) -> Result<(), Failure> {
    let format = match arguments.format {
        SessionsFormat::Csv => ExportFormat::Csv,
        SessionsFormat::Jsonl => ExportFormat::JsonLines,
        SessionsFormat::Parquet => ExportFormat::Parquet,
    };
    export(&arguments.range, "month", "sessions", format, &|reading, farm_id, month| {
        reading.service().export_sessions(farm_id, month)
    })
}

type Making<'a> = dyn Fn(&Reading, farmtally_model::FarmId, Month) -> Result<Table, ExportError> + 'a;

fn export(
    range: &RangeArguments,
    partition: &str,
    name: &str,
    format: ExportFormat,
    make: &Making<'_>,
) -> Result<(), Failure> {
    if range.to < range.from {
        return Err(Failure::usage(format!("--to {} is before --from {}", range.to, range.from)));
    }
    let catalogue = range.farm.folder.existing()?;
    let farm_id = range.farm.farm.existing(&catalogue)?.farm_id;
    let reading = Reading::open(&range.farm.folder)?;
    let mut month = range.from;
    while month <= range.to {
        let table = make(&reading, farm_id, month).map_err(failure)?;
        let folder = range.output.join(format!("{partition}={month}"));
        let path = folder.join(format!("{name}.{}", format.extension()));
        put(&folder, &path, &table, format)?;
        print(format_args!("{}\t{} rows", path.display(), table.rows.len()))?;
        month = month.next();
    }
    Ok(())
}

/// Writes a file beside its place, and puts it there when it is whole and on the disk.
fn put(folder: &Path, path: &Path, table: &Table, format: ExportFormat) -> Result<(), Failure> {
    let cannot_write =
        |error: &std::io::Error| Failure::caused(format!("cannot write `{}`", path.display()), error);
    fs::create_dir_all(folder).map_err(|error| cannot_write(&error))?;
    let beside = path.with_extension(format!("{}.new", format.extension()));
    let file = File::create(&beside).map_err(|error| cannot_write(&error))?;
    table.write(format, BufWriter::new(&file)).map_err(|error| match error {
        ExportError::Write(error) => cannot_write(&error),
        other => failure(other),
    })?;
    file.sync_all().map_err(|error| cannot_write(&error))?;
    fs::rename(&beside, path).map_err(|error| cannot_write(&error))
}

fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::Service(error) => error.into(),
        error => Failure::of(&error),
    }
}
