//! An answer in integers, so that engines are compared without a rounding.

use std::io::{BufWriter, Write};
use std::path::Path;

use farmtally_model::{GroupValue, StatisticsRow, StatisticsTable};
use serde::Serialize;

use crate::records::number_of;

/// Group codes (-1 where there is no second one), start of the bucket in milliseconds since 1970, count, then sum, least and
/// greatest of the costs in nano-dollars and of the runtimes in milliseconds.
type AnswerRow = [i64; 10];

/// What must agree before anything else is looked at.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Checksum {
    count: u64,
    cost_sum: u128,
    runtime_sum: u128,
}

impl Checksum {
    pub(crate) fn of(table: &StatisticsTable) -> Self {
        let mut checksum = Self::default();
        for row in table.rows.iter() {
            checksum.count += row.count;
            checksum.cost_sum += row.cost.sum;
            checksum.runtime_sum += row.runtime.sum;
        }
        checksum
    }
}

/// Writes an answer as rows of ten little-endian 64-bit integers.
pub(crate) fn write(table: &StatisticsTable, file: &Path) -> std::io::Result<()> {
    let mut output = BufWriter::new(std::fs::File::create(file)?);
    for row in table.rows.iter() {
        for number in answer_row(table, &row) {
            output.write_all(&number.to_le_bytes())?;
        }
    }
    output.flush()
}

fn answer_row(table: &StatisticsTable, row: &StatisticsRow) -> AnswerRow {
    let mut codes = table.values_of(row).map(|value| code(&value));
    let [first, second] = [codes.next().unwrap_or(-1), codes.next().unwrap_or(-1)];
    let narrow = |sum: u128| i64::try_from(sum).expect("the sums of a benchmark fit 63 bits");
    [
        first,
        second,
        row.bucket.start().millis(),
        row.count as i64,
        narrow(row.cost.sum),
        row.cost.min as i64,
        row.cost.max as i64,
        narrow(row.runtime.sum),
        row.runtime.min as i64,
        row.runtime.max as i64,
    ]
}

/// The code that [`crate::farm`] drew.
fn code(value: &GroupValue) -> i64 {
    match value {
        GroupValue::Queue(id) => i64::from(id.bytes()[0]),
        GroupValue::Fleet(id) => i64::from(id.bytes()[0]),
        GroupValue::Job(id, _) => i64::from(number_of(*id)),
        GroupValue::User(user) => number_in(user.as_str()),
        GroupValue::InstanceType(Some(instance_type)) => number_in(instance_type.as_str()),
        GroupValue::LicenseProduct(product) => number_in(product.as_str()),
        GroupValue::UsageType("COMPUTE") => 0,
        GroupValue::UsageType(_) => 1,
        GroupValue::InstanceType(None) | GroupValue::Absent => -1,
    }
}

/// The number at the end of a drawn name.
fn number_in(name: &str) -> i64 {
    name.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().expect("a drawn name")
}
