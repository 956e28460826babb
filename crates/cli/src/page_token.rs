//! The secret in the overview's link.

use crate::report_error::Failure;

/// 32 hexadecimal digits that nobody can guess.
pub(crate) fn new_page_token() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::caused("cannot make the link of the overview", &error))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
