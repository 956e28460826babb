//! The answer to a question about usage, with everything that a face needs to print it.

use std::time::Duration;

use farmtally_model::question::AskedStatistics;
use farmtally_model::{
    CalendarUnit, ComparedUsage, DimensionFilter, Grouping, Timestamp, UsageGroup, UsageRow, UsageTable, Zone,
};
use farmtally_store::Farm;

use super::names::UsageNames;
use super::span::FarmSpan;

/// An answer. Amounts are whole numbers before the farm's scale factor.
#[derive(Debug, Clone)]
pub struct UsageAnswer {
    /// The farm, with the factor by which its costs are multiplied.
    pub farm: Farm,
    /// The zone of the calendar.
    pub zone: Zone,
    /// What the window is cut into; `None` where it stays whole.
    pub unit: Option<CalendarUnit>,
    /// What makes a group.
    pub groupings: Vec<Grouping>,
    /// What had to hold, with the ids behind the names.
    pub filters: Vec<DimensionFilter>,
    /// The names of what makes a group.
    pub group_by: Vec<String>,
    /// The statistics that are to be shown.
    pub statistics: AskedStatistics,
    /// Whether a group may stand for others.
    pub has_others: bool,
    /// The groups and rows.
    pub table: UsageTable,
    /// The same for the window that is compared with, if one is.
    pub compared: Option<ComparedUsage>,
    /// What people call the groups' values.
    pub names: UsageNames,
    /// What the farm has.
    pub span: FarmSpan,
    /// The instant of the question.
    pub as_of: Timestamp,
    /// How long the answer took.
    pub elapsed: Duration,
}

impl UsageAnswer {
    /// Memory that its groups and rows take, in bytes, without names and values.
    pub fn bytes(&self) -> usize {
        let compared = self.compared.as_ref();
        let rows = self.table.rows.len() + compared.map_or(0, |compared| compared.rows.len());
        let groups = self.table.groups.len() + compared.map_or(0, |compared| compared.groups.len());
        let percentiles = 2 * size_of::<u64>() * self.statistics.percentiles().count();
        rows * (size_of::<UsageRow>() + percentiles) + groups * (size_of::<UsageGroup>() + percentiles)
    }
}
