//! How a retry is told from a second wish.

use sha2::{Digest as _, Sha256};

/// The digest of one call of a client: the same for every attempt at it, different for anything else.
///
/// `invocation_id` is what the client calls this call; without one, a retry cannot be told and should not be guessed.
pub fn retry_key(access_key_id: &str, invocation_id: &str, path: &str, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [access_key_id.as_bytes(), invocation_id.as_bytes(), path.as_bytes(), body] {
        // With its length before it, a part cannot pass its end off as the beginning of the next.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_makes_another_call() {
        let calls = [
            retry_key("key", "id", "/path", b"body"),
            retry_key("ke", "yid", "/path", b"body"),
            retry_key("key", "i", "d/path", b"body"),
            retry_key("key", "id", "/pat", b"hbody"),
            retry_key("key", "id", "/path", b"other"),
        ];
        for (index, call) in calls.iter().enumerate() {
            assert!(!calls[..index].contains(call), "{index}");
        }
        assert_eq!(calls[0], retry_key("key", "id", "/path", b"body"));
    }
}
