//! The secret half of a key pair.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// A secret access key: not shown by `Debug`, wiped from memory when dropped, compared in constant time.
#[derive(Clone)]
pub struct SecretAccessKey(Zeroizing<String>);

impl SecretAccessKey {
    /// Takes the key over; the caller's `String` is the one that is wiped later, no copy is left behind.
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The secret itself, for signing, for storing it, and for showing it once to the person it was made for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretAccessKey(hidden)")
    }
}

impl ConstantTimeEq for SecretAccessKey {
    /// Constant in time for two keys of equal length; the length of a secret key is public.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_bytes().ct_eq(other.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = SecretAccessKey::new("wJalrXUtnFEMI".to_owned());
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "SecretAccessKey(hidden) Some(SecretAccessKey(hidden))"
        );
        assert_eq!(secret.expose(), "wJalrXUtnFEMI");
    }

    #[test]
    fn equal_secrets_are_equal_and_others_are_not() {
        let secret = |text: &str| SecretAccessKey::new(text.to_owned());
        assert!(bool::from(secret("one").ct_eq(&secret("one"))));
        assert!(!bool::from(secret("one").ct_eq(&secret("two"))));
        assert!(!bool::from(secret("one").ct_eq(&secret("on"))));
    }
}
