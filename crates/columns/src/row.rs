//! One ended session, in codes.

use farmtally_model::Outcome;

/// A whole number of nano-dollars in 32 or 64 bits.
pub trait Nanos: bytemuck::Pod + Into<u64> + TryFrom<u64> + std::fmt::Debug + Send + Sync {}
impl Nanos for u32 {}
impl Nanos for u64 {}

/// A licence that a session held, and its cost in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseLine {
    /// Code of the product.
    pub product: u32,
    /// Cost over the whole session.
    pub cost_nanos: u64,
}

/// Codes of outcomes are below it: one for "not known", and one for each outcome.
pub const OUTCOME_CODES: usize = 1 + Outcome::ALL.len();

/// The code of an outcome: 0 where it is not known, and the same in every farm.
pub fn outcome_code(outcome: Option<Outcome>) -> u8 {
    let place = outcome.and_then(|outcome| Outcome::ALL.iter().position(|(_, other)| *other == outcome));
    place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0)
}

/// The outcome behind a code.
pub fn outcome_of(code: u8) -> Option<Outcome> {
    let place = usize::from(code).checked_sub(1)?;
    Outcome::ALL.get(place).map(|(_, outcome)| *outcome)
}

/// One ended session, in codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Start in milliseconds since 1970.
    pub start_ms: i64,
    /// End in milliseconds since 1970.
    pub end_ms: i64,
    /// Code of the queue.
    pub queue: u32,
    /// Code of the fleet.
    pub fleet: u32,
    /// Code of the job.
    pub job: u32,
    /// Code of the user.
    pub user: u32,
    /// Code of the instance type.
    pub instance_type: u32,
    /// Code of the worker.
    pub worker: u32,
    /// Code of the outcome; see [`outcome_code`].
    pub outcome: u8,
    /// Cost of the COMPUTE line in nano-dollars; `None` when there is no such line.
    pub compute_nanos: Option<u64>,
    /// The LICENSE lines.
    pub licenses: Vec<LicenseLine>,
}

impl SessionRow {
    /// Cost of all LICENSE lines together, in nano-dollars.
    pub fn license_nanos(&self) -> u64 {
        self.licenses.iter().map(|line| line.cost_nanos).sum()
    }

    /// Cost of all lines together, in nano-dollars.
    pub fn total_nanos(&self) -> u64 {
        self.compute_nanos.unwrap_or(0) + self.license_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_codes_that_never_change() {
        let codes = Outcome::ALL.map(|(name, outcome)| (name, outcome_code(Some(outcome))));
        let expected = [("SUCCEEDED", 1), ("FAILED", 2), ("CANCELED", 3), ("RETRIED", 4), ("PREEMPTED", 5)];
        assert_eq!(codes, expected);
        assert_eq!(outcome_code(None), 0);
        for code in 0..=u8::MAX {
            let is_known = usize::from(code) < OUTCOME_CODES;
            assert_eq!(outcome_code(outcome_of(code)), if is_known { code } else { 0 });
        }
    }
}
