//! Which failures pass, and how long to wait for that.

use std::time::Duration;

use crate::limits::{FAILED_WAIT_MS, RETRY_AFTER_MS_MAX, THROTTLED_WAIT_MS, WAIT_MS_MAX};

/// What a failed attempt calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Asking more slowly.
    SlowDown,
    /// Asking again.
    AskAgain,
    /// Asking with newer credentials.
    RenewCredentials,
    /// Nothing: the answer will stay the same.
    None,
}

/// The remedy for an answer that is none.
pub(crate) fn remedy(status: u16, code: &str) -> Remedy {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "SlowDown" => Remedy::SlowDown,
        "ExpiredTokenException" | "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired" => {
            Remedy::RenewCredentials
        }
        _ => match status {
            429 => Remedy::SlowDown,
            408 | 500 | 502 | 503 | 504 => Remedy::AskAgain,
            _ => Remedy::None,
        },
    }
}

/// How long to wait after the `failed`-th attempt, from 1: at random between half of a time that doubles and all of it, so
/// that those who were refused together do not come back together, and never less than the server asked for.
pub(crate) fn wait(failed: u32, remedy: Remedy, asked_ms: Option<u64>, random: u64) -> Duration {
    let first = if remedy == Remedy::SlowDown { THROTTLED_WAIT_MS } else { FAILED_WAIT_MS };
    let doublings = failed.saturating_sub(1).min(16);
    let most = (first << doublings).min(WAIT_MS_MAX);
    let own = most / 2 + random % (most / 2 + 1);
    let asked = asked_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
    Duration::from_millis(own.max(asked))
}

/// The wait that the headers of an answer ask for, in milliseconds.
pub(crate) fn asked_ms(retry_after: Option<&str>, x_amz_retry_after: Option<&str>) -> Option<u64> {
    let whole = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
    // AWS's own header is in milliseconds and the more exact one.
    whole(x_amz_retry_after).or_else(|| whole(retry_after).map(|seconds| seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_not() {
        for (status, code, expected) in [
            (429, "ThrottlingException", Remedy::SlowDown),
            (400, "ThrottlingException", Remedy::SlowDown),
            (429, "", Remedy::SlowDown),
            (500, "InternalServerErrorException", Remedy::AskAgain),
            (503, "", Remedy::AskAgain),
            (403, "ExpiredTokenException", Remedy::RenewCredentials),
            (403, "AccessDeniedException", Remedy::None),
            (404, "ResourceNotFoundException", Remedy::None),
            (400, "ValidationException", Remedy::None),
            (501, "", Remedy::None),
        ] {
            assert_eq!(remedy(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn waits_grow_to_a_bound_and_are_spread() {
        let least = |failed| wait(failed, Remedy::SlowDown, None, 0).as_millis();
        let most =
            |failed| (0..5_000).map(|random| wait(failed, Remedy::SlowDown, None, random).as_millis()).max();
        assert_eq!((least(1), most(1)), (500, Some(1_000)));
        assert_eq!((least(3), most(3)), (2_000, Some(4_000)));
        assert_eq!(wait(60, Remedy::SlowDown, None, 0).as_millis(), 10_000);
        assert_eq!(wait(1, Remedy::AskAgain, None, 0).as_millis(), 100);
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_ever() {
        assert_eq!(wait(1, Remedy::AskAgain, Some(7_000), 0).as_millis(), 7_000);
        assert_eq!(wait(1, Remedy::AskAgain, Some(u64::MAX), 0).as_millis(), 60_000);
        assert_eq!(wait(1, Remedy::SlowDown, Some(1), 0).as_millis(), 500);
    }

    #[test]
    fn both_headers_are_understood() {
        assert_eq!(asked_ms(Some("2"), None), Some(2_000));
        assert_eq!(asked_ms(Some("2"), Some("1500")), Some(1_500));
        assert_eq!(asked_ms(Some("Wed, 21 Oct 2015 07:28:00 GMT"), None), None);
        assert_eq!(asked_ms(None, None), None);
    }
}
