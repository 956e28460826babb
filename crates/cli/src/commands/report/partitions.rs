//! `export report`: the answer to a question in files, one for each period of the calendar, each replaced as a whole.
//!
//! A file has what `report` prints for its period. Only whole periods are written, because a file that lacks a part of its
//! month looks like any other.

use std::io::Write;

use farmtally_model::{CalendarUnit, FarmId, Timestamp, Zone};
use farmtally_wire::native::{Answer, Bucket, Query};
use jiff::civil::Date;

use super::asking::Source;
use super::figures::Figure;
use super::{farm, question, talking, whole};
use crate::args::export::{PartitionUnit, ReportExportArguments, TableFormat};
use crate::commands::export::put;
use crate::counted::counted;
use crate::money_text::decimal;
use crate::output::print;
use crate::report_error::Failure;

/// Units of a figure in a dollar.
const UNITS_PER_USD: u128 = 10_u128.pow(18);

/// Writes the files, and a line for each and one for all.
pub(crate) fn export(arguments: &ReportExportArguments) -> Result<(), Failure> {
    let query = question::query(&arguments.question, arguments.metric, false)?;
    let catalogue = arguments.folder.existing()?;
    let farm_id = farm(arguments.farm.as_ref(), &catalogue)?.farm_id;
    let source = Source::open(&arguments.folder, &catalogue)?;
    let unit = arguments.partition.calendar_unit();
    let cut = Query { period: Some(unit.as_str().to_owned()), ..whole(&query) };
    let answer = source.read(&source.bytes(farm_id, &cut, "json")?)?;
    talking::about(&answer.head, false);
    let parts = parts(&answer, unit)?;
    for part in &parts {
        write(arguments, &source, farm_id, &query, part)?;
    }
    let total = &answer.head.total;
    let cost = total.cost.get("sum").map_or("0", String::as_str);
    let (files, sessions) = (counted(parts.len() as u64, "file"), counted(total.sessions, "session"));
    print(format_args!("sum: {files}, {sessions}, {cost} USD"))?;
    adds_up(&parts, cost)
}

/// A period that gets a file.
struct Part {
    label: String,
    from: Timestamp,
    to: Timestamp,
    cost: Figure,
}

fn parts(answer: &Answer, unit: CalendarUnit) -> Result<Vec<Part>, Failure> {
    let zone = Zone::parse(&answer.head.window.time_zone).map_err(|error| Failure::of(&error))?;
    let part = |(index, bucket): (usize, &Bucket)| {
        let instant = |text: &str| Timestamp::parse(text).map_err(|error| Failure::of(&error));
        let (from, to) = (instant(&bucket.from)?, instant(&bucket.to)?);
        refuse_a_piece(&zone, unit, from, to)?;
        Ok(Part {
            label: label(unit, &zone.text(from))
                .ok_or_else(|| Failure::failed(format!("cannot name the {unit} that begins at {from}")))?,
            from,
            to,
            cost: cost_in(answer, index)?,
        })
    };
    answer.head.buckets.iter().enumerate().map(part).collect()
}

/// What the groups cost in a bucket, together.
fn cost_in(answer: &Answer, bucket: usize) -> Result<Figure, Failure> {
    let rows = answer.rows.iter().filter(|row| row.bucket as usize == bucket);
    let costs = rows.map(|row| Figure::of_cost(row.cost.get("sum")?));
    sum(costs).ok_or_else(|| Failure::failed("the answer has a cost that is no decimal number"))
}

fn sum(costs: impl Iterator<Item = Option<Figure>>) -> Option<Figure> {
    let mut costs = costs;
    costs.try_fold(0_u128, |sum, cost| sum.checked_add(cost?.0)).map(Figure)
}

fn exact(cost: Figure) -> String {
    decimal(cost.0, UNITS_PER_USD)
}

/// A file that has a piece of its period only would take the place of one that has all of it.
fn refuse_a_piece(zone: &Zone, unit: CalendarUnit, from: Timestamp, to: Timestamp) -> Result<(), Failure> {
    let start = zone.start_of(unit, from);
    let end = zone.shifted_start_of(unit, from, 1).map_err(|error| Failure::of(&error))?;
    if (start, end) == (from, to) {
        return Ok(());
    }
    let message = format!(
        "the range has only {} to {} of the {unit} from {} to {}",
        zone.text(from),
        zone.text(to),
        zone.text(start),
        zone.text(end)
    );
    Err(Failure::usage(message)
        .hint("name whole units by `--in`, or by `--from` and `--to`, or choose a shorter `--partition`"))
}

/// What a period is called: the word that `--in` knows it by.
fn label(unit: CalendarUnit, local: &str) -> Option<String> {
    let date: Date = local.get(..10)?.parse().ok()?;
    Some(match unit {
        CalendarUnit::Year => format!("{:04}", date.year()),
        CalendarUnit::Quarter => format!("{:04}-Q{}", date.year(), (date.month() - 1) / 3 + 1),
        CalendarUnit::Month => format!("{:04}-{:02}", date.year(), date.month()),
        CalendarUnit::Week => {
            let week = date.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        CalendarUnit::Day | CalendarUnit::Hour => date.to_string(),
    })
}

fn write(
    arguments: &ReportExportArguments,
    source: &Source,
    farm_id: FarmId,
    query: &Query,
    part: &Part,
) -> Result<(), Failure> {
    let asked = Query {
        last: None,
        within: None,
        from: Some(part.from.to_string()),
        to: Some(part.to.to_string()),
        ..query.clone()
    };
    let format = match arguments.format {
        TableFormat::Csv => "csv",
        TableFormat::Parquet => "parquet",
    };
    let bytes = source.bytes(farm_id, &asked, format)?;
    let unit = arguments.partition.calendar_unit();
    let path = arguments.output.join(format!("{unit}={}", part.label)).join(format!("report.{format}"));
    put(&path, |mut file| Ok(file.write_all(&bytes)?))?;
    print(format_args!("{}\t{} USD", path.display(), exact(part.cost)))
}

/// The periods have all that the range has.
fn adds_up(parts: &[Part], total: &str) -> Result<(), Failure> {
    if sum(parts.iter().map(|part| Some(part.cost))) == Figure::of_cost(total) {
        return Ok(());
    }
    Err(Failure::failed("the files do not add up to the report of the whole range; do not rely on them"))
}

impl PartitionUnit {
    const fn calendar_unit(self) -> CalendarUnit {
        match self {
            Self::Day => CalendarUnit::Day,
            Self::Week => CalendarUnit::Week,
            Self::Month => CalendarUnit::Month,
            Self::Quarter => CalendarUnit::Quarter,
            Self::Year => CalendarUnit::Year,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_called_what_in_knows_it_by() {
        for (unit, name) in [
            (CalendarUnit::Day, "2027-01-01"),
            (CalendarUnit::Week, "2026-W53"),
            (CalendarUnit::Month, "2027-01"),
            (CalendarUnit::Quarter, "2027-Q1"),
            (CalendarUnit::Year, "2027"),
        ] {
            assert_eq!(label(unit, "2027-01-01T00:00:00+01:00").unwrap(), name);
            assert!(farmtally_model::question::TimeWords::within(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn only_whole_periods_get_a_file() {
        let zone = Zone::parse("Europe/Paris").unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let check = |from: &str, to: &str| refuse_a_piece(&zone, CalendarUnit::Month, at(from), at(to));
        assert!(check("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z").is_ok(), "summer time begins in it");
        let failure = check("2026-03-01T00:00:00Z", "2026-03-31T22:00:00Z").unwrap_err().to_string();
        assert!(failure.contains("the range has only 2026-03-01T01:00:00+01:00"), "{failure}");
    }

    #[test]
    fn parts_that_do_not_add_up_are_told() {
        let part = |cost: &str| Part {
            label: String::new(),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            cost: Figure::of_cost(cost).unwrap(),
        };
        assert!(adds_up(&[part("0.1"), part("0.200000000000000001")], "0.300000000000000001").is_ok());
        assert!(adds_up(&[part("0.1"), part("0.2")], "0.31").is_err());
        assert!(adds_up(&[], "0").is_ok());
    }
}
