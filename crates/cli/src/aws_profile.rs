//! The AWS configuration file: found where the SDKs look for it, and changed in the sections that we wrote ourselves.
//!
//! People keep their accounts in this file. Everything but our own sections stays as it is, byte for byte, a section of
//! the same name without our mark is never replaced, and a crash leaves the old file or the new one.

mod file;
mod sections;

pub(crate) use file::AwsConfig;

use std::fmt;
use std::str::FromStr;

use farmtally_service::Credential;

/// What a profile of ours says: what `farmtally env` prints.
#[derive(Debug)]
pub(crate) struct Profile<'a> {
    /// The key, with its secret.
    pub(crate) credential: &'a Credential,
    /// What it signs for.
    pub(crate) region: &'a str,
    /// Base URL of the server.
    pub(crate) endpoint: &'a str,
}

/// What a profile is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileName(String);

/// Longest name of a profile, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Why a text is no name of a profile.
#[derive(Debug, thiserror::Error)]
#[error("a profile has a name of 1 to {NAME_BYTES_MAX} letters, digits and the characters - _ . + @")]
pub(crate) struct ProfileNameError;

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(text: &str) -> Result<Self, ProfileNameError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@".contains(&byte);
        let is_name = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain);
        if is_name { Ok(Self(text.to_owned())) } else { Err(ProfileNameError) }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ProfileName {
    /// What is between the brackets of the profile.
    fn header(&self) -> String {
        if self.0 == "default" { self.0.clone() } else { format!("profile {}", self.0) }
    }

    /// What is between the brackets of its endpoints.
    fn services_header(&self) -> String {
        format!("services {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_brackets() {
        for text in ["farmtally", "studio-2", "a@b.c"] {
            assert_eq!(text.parse::<ProfileName>().unwrap().to_string(), text);
        }
        for text in ["", "a]", "a b", "a\nb", "é", &"x".repeat(65)] {
            assert!(text.parse::<ProfileName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_profile_has_no_word_before_it() {
        assert_eq!(ProfileName("default".to_owned()).header(), "default");
        assert_eq!(ProfileName("x".to_owned()).header(), "profile x");
    }
}
