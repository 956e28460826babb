//! Signatures as a server meets them: made by AWS's own signers, made by ours, and made wrongly.

#![expect(clippy::unwrap_used, reason = "a helper whose own fixture is broken should stop the test there")]

mod against_aws_sigv4;
mod door;
mod from_botocore;
mod order_of_refusals;
mod our_signer;
mod refusals;
