//! `export`: tables for others, one file for each month, each replaced as a whole.

mod partition_file;

use std::io::BufWriter;

use farmtally_service::{ExportError, ExportFormat, FocusOptions, Month, Table};

use self::partition_file::failure;
pub(super) use self::partition_file::put;
use super::report;
use crate::args::export::{
    ExportCommand, FocusArguments, RangeArguments, SessionsArguments, SessionsFormat, TableFormat,
};
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;

/// Does what was asked for.
pub(crate) fn run(command: &ExportCommand) -> Result<(), Failure> {
    match command {
        ExportCommand::Focus(arguments) => focus(arguments),
        ExportCommand::Sessions(arguments) => sessions(arguments),
        ExportCommand::Report(arguments) => report::export(arguments),
    }
}

fn focus(arguments: &FocusArguments) -> Result<(), Failure> {
    let format = match arguments.format {
        TableFormat::Csv => ExportFormat::Csv,
        TableFormat::Parquet => ExportFormat::Parquet,
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
        put(&path, |file| table.write(format, BufWriter::new(file)))?;
        print(format_args!("{}\t{} rows", path.display(), table.rows.len()))?;
        month = month.next();
    }
    Ok(())
}
