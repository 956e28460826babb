//! The one place where this crate trusts a value that it made itself.

use std::fmt::Debug;

/// The value of a check that cannot fail, because what was checked is written in this crate and covered by its tests.
#[expect(
    clippy::expect_used,
    reason = "a refusal here is a mistake in this crate, never one of its caller's data"
)]
pub(crate) fn certain<T, E: Debug>(checked: Result<T, E>) -> T {
    checked.expect("testkit makes valid values only")
}
