//! Authenticated encryption for what leaves our hands and has to come back unchanged: page tokens and stored secrets.

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use zeroize::Zeroizing;

const NONCE_LEN: usize = 12;

/// A key that seals and opens. It has no `Debug` that shows it.
pub(crate) struct SealingKey(Aes256GcmSiv);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(hidden)")
    }
}

impl SealingKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256GcmSiv::new(key.into()))
    }

    /// Encrypts `plain`, bound to `context`: it opens with the same context only.
    pub(crate) fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SealingError> {
        let nonce = random_bytes::<NONCE_LEN>()?;
        let payload = Payload { msg: plain, aad: context };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealingError::Cipher)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Self::seal`] made; `None` for anything else.
    pub(crate) fn open(&self, sealed: &[u8], context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: sealed, aad: context };
        self.0.decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}

/// Why something could not be sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealingError {
    #[error("the system gave no random bytes")]
    Random(#[source] getrandom::Error),
    #[error("the cipher refused the text")]
    Cipher,
}

/// Fresh random bytes from the system.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], SealingError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(SealingError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_in_the_same_context_open() {
        let key = SealingKey::new(&[7; 32]);
        let sealed = key.seal(b"secret", b"here").unwrap();
        assert_eq!(key.open(&sealed, b"here").unwrap().as_slice(), b"secret");
        assert!(key.open(&sealed, b"there").is_none());
        assert!(SealingKey::new(&[8; 32]).open(&sealed, b"here").is_none());
        assert!(key.open(&sealed[..sealed.len() - 1], b"here").is_none());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(&changed, b"here").is_none(), "byte {index}");
        }
    }
}
