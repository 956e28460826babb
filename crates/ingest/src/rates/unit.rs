//! What a rate is for: an hour of a worker, a core, a gigahertz, a GPU, a node or a gigabyte, and the exact price of an hour of it all.

use farmtally_model::HourlyRate;

use super::machine::{Machine, THOUSANDTHS};

/// Hours of a month of gigabyte-months: the twelfth part of 365 days.
pub(super) const HOURS_PER_MONTH: u64 = 730;
/// Factors are kept in millionths.
pub(super) const FACTOR_ONE: u64 = 1_000_000;
/// The largest factor.
pub(super) const FACTOR_MAX: u64 = 100;

/// What stands behind `usdPer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// A worker, a licence or a volume.
    Hour,
    CoreHour,
    /// A gigahertz of a core.
    GhzHour,
    GpuHour,
    NodeHour,
    /// A gigabyte of a worker's memory, or of a volume.
    GbHour,
    /// The same for a month of [`HOURS_PER_MONTH`].
    GbMonth,
}

impl Unit {
    /// Every unit with its field on the card.
    pub(super) const ALL: [(&'static str, Self); 7] = [
        ("usdPerHour", Self::Hour),
        ("usdPerCoreHour", Self::CoreHour),
        ("usdPerGhzHour", Self::GhzHour),
        ("usdPerGpuHour", Self::GpuHour),
        ("usdPerNodeHour", Self::NodeHour),
        ("usdPerGbHour", Self::GbHour),
        ("usdPerGbMonth", Self::GbMonth),
    ];

    /// The field on the card.
    pub(super) fn field(self) -> &'static str {
        Self::ALL.iter().find(|(_, unit)| *unit == self).map_or("", |(field, _)| field)
    }

    /// What is counted.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::CoreHour => "cores",
            Self::GhzHour => "GHz",
            Self::GpuHour => "GPUs",
            Self::NodeHour => "nodes",
            Self::GbHour | Self::GbMonth => "GB",
        }
    }

    /// Units of it for which one hour of it counts: 730 hourly ones are a monthly one.
    const fn weight(self) -> u64 {
        match self {
            Self::GbMonth => 1,
            _ => HOURS_PER_MONTH,
        }
    }
}

/// What an hour costs: parts that are added, and a factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Price {
    /// Each unit at most once, at least one.
    pub(super) parts: Vec<(Unit, HourlyRate)>,
    pub(super) factor_millionths: u64,
    /// Size of each volume, in thousandths of a gigabyte.
    pub(super) volume_gb_thousandths: Option<u64>,
}

/// The exact price of an hour, in nano-dollars times [`HourPrice::DENOMINATOR`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HourPrice(u128);

/// Why there is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPrice {
    /// The card does not say how many of these the machine has.
    Unknown(Unit),
    /// More than can be kept.
    TooLarge,
}

impl HourPrice {
    /// One nano-dollar per hour.
    pub(super) const DENOMINATOR: u128 = THOUSANDTHS as u128 * FACTOR_ONE as u128 * HOURS_PER_MONTH as u128;
    const MAX: u128 = HourlyRate::MAX.nanos() as u128 * Self::DENOMINATOR;

    pub(super) const fn get(self) -> u128 {
        self.0
    }
}

impl Price {
    /// The price of an hour on a machine. A machine that nobody described has one node and nothing else that is known.
    pub(super) fn hour(&self, machine: Option<&Machine>) -> Result<HourPrice, NoPrice> {
        let mut sum = 0_u128;
        for (unit, usd) in &self.parts {
            let quantity = self.quantity_thousandths(*unit, machine).ok_or(NoPrice::Unknown(*unit))?;
            let part = u128::from(usd.nanos()) * u128::from(unit.weight());
            let part = part.checked_mul(u128::from(quantity));
            sum = part.and_then(|part| sum.checked_add(part)).ok_or(NoPrice::TooLarge)?;
        }
        let price = sum.checked_mul(u128::from(self.factor_millionths)).ok_or(NoPrice::TooLarge)?;
        if price <= HourPrice::MAX { Ok(HourPrice(price)) } else { Err(NoPrice::TooLarge) }
    }

    /// How many of a unit are paid for, in thousandths.
    pub(super) fn quantity_thousandths(&self, unit: Unit, machine: Option<&Machine>) -> Option<u64> {
        match (self.volume_gb_thousandths, unit) {
            (Some(size), Unit::GbHour | Unit::GbMonth) => Some(size),
            // Cards list GPUs where there are some. Where they are all that is paid for, nobody would notice that they are not
            // listed, and the time would be free.
            (_, Unit::GpuHour) if self.parts.len() > 1 => machine?.quantity_thousandths(unit).or(Some(0)),
            _ => machine.copied().unwrap_or_default().quantity_thousandths(unit),
        }
    }
}
