//! The key that signs: a chain of HMACs from the secret over the parts of the scope.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::credential_scope::{CredentialScope, TERMINATOR};
use crate::secret::SecretAccessKey;
use crate::string_to_sign::StringToSign;

/// Good for one secret, day, region and service; wiped from memory when dropped.
pub(crate) struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    pub(crate) fn derive(secret: &SecretAccessKey, scope: &CredentialScope) -> Self {
        let seed = Zeroizing::new(format!("AWS4{}", secret.expose()));
        let day_key = hmac_sha256(seed.as_bytes(), &scope.day);
        let region_key = hmac_sha256(&*day_key, &scope.region);
        let service_key = hmac_sha256(&*region_key, &scope.service);
        Self(hmac_sha256(&*service_key, TERMINATOR))
    }

    /// The 32 bytes of the signature.
    pub(crate) fn sign(&self, string_to_sign: &StringToSign) -> [u8; 32] {
        *hmac_sha256(&*self.0, string_to_sign.as_str())
    }
}

#[expect(
    clippy::expect_used,
    reason = "RFC 2104 takes a key of any length, so there is no failure to pass on"
)]
fn hmac_sha256(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC key has any length");
    mac.update(message.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 2 and 6: a key shorter and a key longer than the block of the hash.
    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        let short = hmac_sha256(b"Jefe", "what do ya want for nothing?");
        assert_eq!(
            crate::hex::encode(&short),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = hmac_sha256(&[0xaa; 131], "Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(
            crate::hex::encode(&long),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
