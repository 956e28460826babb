//! Requests that nobody signed, in the audit log: the first, and then at most one a second with the number of the others.
//!
//! Whoever knocks a million times must not fill the disk with it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use farmtally_service::{AuditEntry, Service};

use crate::app::Context;

const EVERY: Duration = Duration::from_secs(1);

/// When the last line was written, and how many were left out since.
#[derive(Debug, Default)]
pub(crate) struct RefusalAudit(Mutex<(Option<Instant>, u64)>);

impl RefusalAudit {
    pub(crate) fn note(&self, service: &Service, route: &'static str, name: &'static str, context: &Context) {
        let Some(left_out) = self.due(Instant::now()) else { return };
        let (source, request_id) = (context.peer.address.to_string(), context.request_id.to_string());
        service.audit(&AuditEntry {
            actor: "unknown",
            action: route,
            subject: "",
            outcome: name,
            detail: &format!("{left_out} more since the last line"),
            source: &source,
            request_id: &request_id,
        });
    }

    /// How many were left out, when it is time for a line.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.0.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            noted.1 += 1;
            return None;
        }
        let left_out = noted.1;
        *noted = (Some(now), 0);
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_the_number_of_the_others() {
        let (audit, begin) = (RefusalAudit::default(), Instant::now());
        let due = |after_ms| audit.due(begin + Duration::from_millis(after_ms));
        assert_eq!((due(0), due(1), due(999), due(1000), due(1001)), (Some(0), None, None, Some(2), None));
    }
}
