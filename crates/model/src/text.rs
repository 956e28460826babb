//! Names and labels with the bounds that the service model gives them.
//!
//! Lengths are counted in characters, as the model counts them, not in bytes. Clones share one allocation, because a
//! year of sessions repeats a few thousand names.

use std::fmt;
use std::sync::Arc;

/// A text outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} has {length} characters; {min} to {max} are allowed")]
pub struct TextError {
    /// The member that the text was for.
    pub name: &'static str,
    /// Characters found.
    pub length: usize,
    /// Fewest characters allowed.
    pub min: usize,
    /// Most characters allowed.
    pub max: usize,
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $member:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Most characters allowed; the fewest is one.
            pub const LENGTH_MAX: usize = $max;

            /// Checks the length of a text.
            pub fn new(text: &str) -> Result<Self, TextError> {
                let length = text.chars().count();
                if length == 0 || length > Self::LENGTH_MAX {
                    return Err(TextError { name: $member, length, min: 1, max: Self::LENGTH_MAX });
                }
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = TextError;
            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

bounded_text!(
    /// A job's name, 1 to 512 characters.
    JobName, "jobName", 512
);
bounded_text!(
    /// Whoever submitted the job, in the farm's own spelling (an Identity Center UUID or an STS ARN on AWS),
    /// 1 to 2,048 characters.
    UserId, "userId", 2048
);
bounded_text!(
    /// The kind of machine, such as `c6i.8xlarge`, 1 to 100 characters.
    InstanceType, "instanceType", 100
);
bounded_text!(
    /// A product that needs a licence, such as `arnold`, 1 to 100 characters.
    LicenseProduct, "licenseProduct", 100
);
bounded_text!(
    /// What people call a farm, queue, fleet or user, 1 to 100 characters.
    DisplayName, "displayName", 100
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert!(JobName::new(&"é".repeat(512)).is_ok());
        let error = JobName::new(&"é".repeat(513)).unwrap_err();
        assert_eq!(error.to_string(), "jobName has 513 characters; 1 to 512 are allowed");
        assert!(InstanceType::new("").is_err());
    }
}
