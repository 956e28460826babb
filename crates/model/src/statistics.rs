//! An answer in whole numbers. The division and the rounding to doubles happen where the answer is printed.

use crate::exact::ratio_to_f64;
use crate::group_values::GroupValues;
use crate::ids::{FleetId, JobId, QueueId};
use crate::money::CostScaleFactor;
use crate::query::{GroupBy, Statistic};
use crate::session::UsageType;
use crate::table_rows::TableRows;
use crate::text::{InstanceType, JobName, LicenseProduct, UserId};
use crate::time::TimeRange;

/// What a row is grouped by, in one of its groupBy positions.
///
/// The derived order is that of answers: an absent value first, then ascending bytes. One position of one answer never
/// mixes the variants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupValue {
    /// No value: a volume has no queue, job or user.
    Absent,
    /// A queue.
    Queue(QueueId),
    /// A fleet.
    Fleet(FleetId),
    /// A job and its name.
    Job(JobId, JobName),
    /// A user.
    User(UserId),
    /// A usage type, by its text.
    UsageType(&'static str),
    /// A kind of machine, absent where no source knew it.
    InstanceType(Option<InstanceType>),
    /// A licensed product.
    LicenseProduct(LicenseProduct),
}

impl GroupValue {
    /// The value for a usage type.
    pub const fn usage_type(usage_type: UsageType) -> Self {
        Self::UsageType(usage_type.as_str())
    }
}

/// Sum, least and greatest of a non-negative amount over the sessions of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// The sum.
    pub sum: u128,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl Amounts {
    /// One statistic over `count` sessions, times `factor`, in units of which `unit` make a whole, as the nearest double.
    fn statistic(self, statistic: Statistic, count: u64, factor: u64, unit: u128) -> f64 {
        match statistic {
            Statistic::Sum => ratio_to_f64(self.sum, factor, unit),
            Statistic::Min => ratio_to_f64(u128::from(self.min), factor, unit),
            Statistic::Max => ratio_to_f64(u128::from(self.max), factor, unit),
            Statistic::Avg => ratio_to_f64(self.sum, factor, unit * u128::from(count)),
        }
    }
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsRow {
    /// The bucket, clipped to the window.
    pub bucket: TimeRange,
    /// For each groupBy position, an index into that position's values.
    pub values: [u32; 2],
    /// Sessions (or volumes) with a piece in this row, at least one.
    pub count: u64,
    /// Costs in nano-dollars, before the farm's scale factor.
    pub cost: Amounts,
    /// Runtimes in milliseconds.
    pub runtime: Amounts,
}

const NANOS_PER_DOLLAR: u128 = 1_000_000_000;
/// Units of a scale factor in the factor one.
const SCALE_UNIT: u128 = 1_000_000_000;
const RUNTIME_UNIT: u128 = 1_000;

impl StatisticsRow {
    /// A statistic of the costs in dollars, scaled and rounded once.
    pub fn cost_usd(&self, statistic: Statistic, factor: CostScaleFactor) -> f64 {
        let (factor, unit) = if factor == CostScaleFactor::ONE {
            (1, NANOS_PER_DOLLAR)
        } else {
            (factor.nanos(), NANOS_PER_DOLLAR * SCALE_UNIT)
        };
        self.cost.statistic(statistic, self.count, factor, unit)
    }

    /// A statistic of the runtimes in seconds, rounded once.
    pub fn runtime_seconds(&self, statistic: Statistic) -> f64 {
        self.runtime.statistic(statistic, self.count, 1, RUNTIME_UNIT)
    }
}

/// A whole answer: its rows in order, and the values that they refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsTable {
    /// What the rows are grouped by.
    pub group_by: GroupBy,
    /// For each groupBy position the values that occur, ascending.
    pub values: [GroupValues; 2],
    /// Newest bucket first, then ascending values.
    pub rows: TableRows,
}

impl StatisticsTable {
    /// The values of a row, one for each groupBy position.
    pub fn values_of(&self, row: &StatisticsRow) -> impl Iterator<Item = GroupValue> + use<'_> {
        let positions = self.values.iter().zip(row.values).take(self.group_by.fields().len());
        positions.map(|(values, index)| values.at(index as usize))
    }
}
