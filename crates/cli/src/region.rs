//! The region that clients of a folder's server sign for.
//!
//! A server accepts any region unless it was started with one. The other commands have to know which, because it is part
//! of what they sign, so the server leaves it in the catalogue.
use farmtally_service::Catalogue;

use crate::report_error::Failure;

/// Where the service has its home, and what clients use when the server does not care.
const USUAL: &str = "us-west-2";

const SETTING: &str = "region";

/// Reads a region's name.
pub(crate) fn parse_region(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || !text.bytes().all(is_plain) {
        return Err(format!("a region has lower-case letters, digits and hyphens only, such as {USUAL}"));
    }
    Ok(text.to_owned())
}

/// Remembers the only region that the server accepts, or that it accepts any.
pub(crate) fn remember(catalogue: &Catalogue, region: Option<&str>) -> Result<(), Failure> {
    Ok(catalogue.put_setting(SETTING, region.unwrap_or_default().as_bytes())?)
}

/// The region to sign for.
pub(crate) fn for_signing(catalogue: &Catalogue) -> Result<String, Failure> {
    Ok(only_one(catalogue)?.unwrap_or_else(|| USUAL.to_owned()))
}

/// The only region that the server accepts, if it was started with one.
pub(crate) fn only_one(catalogue: &Catalogue) -> Result<Option<String>, Failure> {
    let remembered = catalogue.setting(SETTING)?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(remembered.filter(|region| !region.is_empty()))
}
