//! Instants as every client of the service reads them: ISO 8601 strings in UTC.
//!
//! A number, which other AWS services send, makes the clients for JavaScript and Rust fail on this one. Statistics and
//! the times at which farms, queues and fleets were made have whole seconds, so that command lines which print the text
//! unchanged print what AWS's do. Those of sessions, jobs and workers are written as [`Timestamp`] writes itself, with
//! milliseconds where there are some: they are facts that somebody may copy or look for.

use std::fmt;

use farmtally_model::Timestamp;
use serde::{Serialize, Serializer};

/// `2025-11-24T22:00:00Z`; parts of a second are cut off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireTimestamp(pub(crate) Timestamp);

impl fmt::Display for WireTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.millis();
        fmt::Display::fmt(&Timestamp::from_millis_clamped(millis - millis.rem_euclid(1000)), f)
    }
}

impl Serialize for WireTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_string_in_utc_without_fraction() {
        for (text, expected) in [
            ("2025-11-24T22:00:00Z", "\"2025-11-24T22:00:00Z\""),
            ("2025-11-24T22:00:00.999Z", "\"2025-11-24T22:00:00Z\""),
            ("2025-11-24T22:00:00-08:00", "\"2025-11-25T06:00:00Z\""),
            ("1970-01-01T00:00:00Z", "\"1970-01-01T00:00:00Z\""),
            ("2999-12-31T23:59:59.999Z", "\"2999-12-31T23:59:59Z\""),
        ] {
            let timestamp = WireTimestamp(Timestamp::parse(text).unwrap());
            assert_eq!(serde_json::to_string(&timestamp).unwrap(), expected, "{text}");
        }
    }
}
