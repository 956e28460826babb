//! What the card says about kinds of machines: how many cores, gigahertz, GPUs, nodes and gigabytes an hour of each is.
//!
//! Sessions name their instance type and nothing else of their machine, so that this table is where those numbers come
//! from, or the name itself where it is the size of a booking.

use std::collections::HashMap;

use farmtally_model::InstanceType;

use super::unit::Unit;

/// Numbers with decimals are kept in thousandths.
pub(super) const THOUSANDTHS: u64 = 1000;

/// A kind of machine, as the card describes it. What the card does not say is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Machine {
    /// Cores of all nodes together, in thousandths.
    pub(super) cores_thousandths: Option<u64>,
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

    /// What is known about an instance type: what the card says, or else its name.
    pub(super) fn of(instance_type: &InstanceType, described: &HashMap<InstanceType, Self>) -> Option<Self> {
        described.get(instance_type).copied().or_else(|| Self::of_booking(instance_type.as_str()))
    }

    /// What an instance type says of itself when it is the size of a booking, such as `c4`, `c1.5` or `c8g1`: cores, in at
    /// most three decimals, and GPUs. Farms that book parts of a host have too many sizes to list.
    fn of_booking(instance_type: &str) -> Option<Self> {
        let booking = instance_type.strip_prefix('c')?;
        let (cores, gpus) = booking.split_once('g').unwrap_or((booking, "0"));
        let (whole, decimals) = cores.split_once('.').unwrap_or((cores, "0"));
        if !(1..=3).contains(&decimals.len()) {
            return None;
        }
        let thousandths = count(whole)? * THOUSANDTHS + count(&format!("{decimals:0<3}"))?;
        let gpus = u32::try_from(count(gpus)?).ok()?;
        Some(Self { cores_thousandths: Some(thousandths), gpus: Some(gpus), ..Self::default() })
    }

    /// How many of a unit it has, in thousandths; `None` when the card does not say.
    pub(super) fn quantity_thousandths(&self, unit: Unit) -> Option<u64> {
        let whole = |count: Option<u32>| count.map(|count| u64::from(count) * THOUSANDTHS);
        match unit {
            Unit::Hour => Some(THOUSANDTHS),
            Unit::CoreHour => self.cores_thousandths,
            // Exact: a machine with a clock is one that the card describes, and it has whole cores.
            Unit::GhzHour => Some(self.cores_thousandths? / THOUSANDTHS * u64::from(self.ghz_thousandths?)),
            Unit::GpuHour => whole(self.gpus),
            Unit::NodeHour => Some(u64::from(self.nodes.unwrap_or(1)) * THOUSANDTHS),
            Unit::GbHour | Unit::GbMonth => self.memory_gb_thousandths,
        }
    }
}

/// A whole number up to [`Machine::COUNT_MAX`], in digits alone.
fn count(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.parse().ok().filter(|_| is_number)?;
    (count <= u64::from(Machine::COUNT_MAX)).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_booking_says_its_cores_and_gpus() {
        let of = |name: &str| {
            let machine = Machine::of_booking(name)?;
            Some((machine.cores_thousandths?, machine.gpus?))
        };
        assert_eq!(of("c4"), Some((4000, 0)));
        assert_eq!(of("c1.5"), Some((1500, 0)));
        assert_eq!(of("c0.37g2"), Some((370, 2)));
        assert_eq!(of("c8g1"), Some((8000, 1)));
        for other in
            ["c", "c6i.8xlarge", "c5.large", "cg1", "c4g", "c+4", "c4.", "c1.2345", "c100001", "g4", "cpu32"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
