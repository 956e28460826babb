//! The limits of asking. Each has a name, and they are all here.

use std::time::Duration;

/// Most entries that the service puts on a page.
pub const PAGE_SIZE_MAX: u32 = 100;
/// Most sessions that one call reads whole.
pub const BATCH_SESSIONS_MAX: usize = 100;

/// How often a call is tried before its failure is the caller's.
pub(crate) const ATTEMPTS_MAX: u32 = 10;
/// How often a call asks for newer credentials.
pub(crate) const RENEWALS_MAX: u32 = 2;
/// First wait after a throttled call; it doubles from attempt to attempt.
pub(crate) const THROTTLED_WAIT_MS: u64 = 1_000;
/// First wait after a call that failed in another way.
pub(crate) const FAILED_WAIT_MS: u64 = 200;
/// Longest wait that we choose ourselves.
pub(crate) const WAIT_MS_MAX: u64 = 20_000;
/// Longest wait that a server may ask for; one that asks for more is asked again after this.
pub(crate) const RETRY_AFTER_MS_MAX: u64 = 60_000;

/// Longest wait for an answer.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// Longest wait for a connection.
pub(crate) const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait for the services of a host that hand out credentials: they are next door, or not there.
pub(crate) const HOST_ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// Longest answer that is read, in bytes.
pub(crate) const ANSWER_BYTES_MAX: u64 = 32 << 20;
/// Longest answer with credentials that is read, in bytes.
pub(crate) const CREDENTIALS_BYTES_MAX: u64 = 64 << 10;

/// Credentials that expire within this time are replaced before they are used.
pub(crate) const RENEWED_BEFORE_EXPIRY_MS: i64 = 5 * 60 * 1000;
