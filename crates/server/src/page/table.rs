//! Who used what, as a table: the most expensive by name, all others in one row.

use std::fmt;

use farmtally_model::CostScaleFactor;
use farmtally_service::{NamedUsage, UsageTotals};

use super::escape::Escaped;
use super::figures::{Count, Dollars, Hours};
use crate::limits::PAGE_NAMES_MAX;

/// Usage by one field, the most expensive first.
#[derive(Debug)]
pub(super) struct UsageTable<'a> {
    pub(super) heading: &'static str,
    pub(super) rows: &'a [NamedUsage],
    pub(super) factor: CostScaleFactor,
}

impl fmt::Display for UsageTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<table><thead><tr><th scope=\"col\">{}</th>", self.heading)?;
        f.write_str("<th scope=\"col\">Cost</th><th scope=\"col\">Time</th><th scope=\"col\">Sessions</th></tr></thead><tbody>")?;
        let (named, others) = self.rows.split_at(self.rows.len().min(PAGE_NAMES_MAX));
        for row in named {
            let (name, id) = (Escaped(&row.name), Escaped(&row.id));
            write!(f, "<tr><th scope=\"row\" title=\"{id}\">{name}</th>")?;
            self.write_totals(f, row.totals)?;
        }
        if !others.is_empty() {
            write!(f, "<tr class=\"others\"><th scope=\"row\">{} others</th>", Count(others.len() as u64))?;
            self.write_totals(f, others.iter().map(|other| other.totals).sum())?;
        }
        f.write_str("</tbody></table>")
    }
}

impl UsageTable<'_> {
    fn write_totals(&self, f: &mut fmt::Formatter<'_>, totals: UsageTotals) -> fmt::Result {
        let cost = Dollars(totals.cost_usd(self.factor));
        let (hours, sessions) = (Hours(totals.runtime_hours()), Count(totals.sessions));
        write!(f, "<td>{cost}</td><td>{hours}</td><td>{sessions}</td></tr>")
    }
}
