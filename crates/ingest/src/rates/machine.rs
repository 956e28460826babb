//! What the card says about kinds of machines: how many cores, gigahertz, GPUs, nodes and gigabytes an hour of each is.
//!
//! Sessions name their instance type and nothing else of their machine, so that this table is where those numbers come
//! from.

use super::unit::Unit;

/// Numbers with decimals are kept in thousandths.
pub(super) const THOUSANDTHS: u64 = 1000;

/// A kind of machine, as the card describes it. What the card does not say is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Machine {
    /// Cores of all nodes together.
    pub(super) cores: Option<u32>,
    /// Gigahertz of a core, in thousandths.
    pub(super) ghz_thousandths: Option<u32>,
    /// GPUs of all nodes together.
    pub(super) gpus: Option<u32>,
    /// Nodes that a session on it has.
    pub(super) nodes: Option<u32>,
    /// Gigabytes of memory of all nodes together, in thousandths.
    pub(super) memory_gb_thousandths: Option<u64>,
}

impl Machine {
    /// Most cores, GPUs and nodes of a machine.
    pub(super) const COUNT_MAX: u32 = 100_000;
    /// Most gigahertz of a core.
    pub(super) const GHZ_MAX: u32 = 100;
    /// Most gigabytes of a machine or a volume.
    pub(super) const GB_MAX: u32 = 100_000_000;

    /// How many of a unit it has, in thousandths; `None` when the card does not say.
    pub(super) fn quantity_thousandths(&self, unit: Unit) -> Option<u64> {
        let whole = |count: Option<u32>| count.map(|count| u64::from(count) * THOUSANDTHS);
        match unit {
            Unit::Hour => Some(THOUSANDTHS),
            Unit::CoreHour => whole(self.cores),
            Unit::GhzHour => Some(u64::from(self.cores?) * u64::from(self.ghz_thousandths?)),
            Unit::GpuHour => whole(self.gpus),
            Unit::NodeHour => Some(u64::from(self.nodes.unwrap_or(1)) * THOUSANDTHS),
            Unit::GbHour | Unit::GbMonth => self.memory_gb_thousandths,
        }
    }
}
