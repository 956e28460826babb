//! Sessions of browsers: somebody who brought a key once, for some hours.
//!
//! A session is a random text in a cookie and its owner in memory, so that it ends with the process. The key's secret is
//! compared and forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use farmtally_model::Timestamp;
use farmtally_service::{Caller, Service};
use farmtally_sigv4::body_sha256;
use subtle::ConstantTimeEq as _;

use crate::refusal::Refusal;

/// How long a session lasts: a working day.
const LIFE_MS: i64 = 12 * 60 * 60 * 1000;
/// Most sessions at once; the oldest gives way.
const SESSIONS_MAX: usize = 1000;

/// Everybody who is signed in.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

struct Session {
    access_key_id: String,
    begun_at: Timestamp,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions(hidden)")
    }
}

/// Somebody who is signed in.
#[derive(Debug)]
pub(super) struct Visitor {
    /// As the key is now.
    pub(super) caller: Caller,
    /// What a form has to bring so that it is known to be ours.
    pub(super) form_token: String,
}

impl Sessions {
    /// Signs somebody in who has a key, and gives the text for the cookie; `None` when it is not a working key with
    /// this secret.
    pub(super) fn begin(
        &self,
        service: &Service,
        access_key_id: &str,
        secret: &str,
    ) -> Result<Option<String>, Refusal> {
        let credential = service.credential(access_key_id)?;
        // Compared with something in any case, so that the time does not tell which keys exist.
        let expected = credential.as_ref().map_or("", |credential| credential.secret.expose());
        let is_right: bool = body_sha256(expected.as_bytes()).ct_eq(&body_sha256(secret.as_bytes())).into();
        if credential.is_none() || !is_right {
            return Ok(None);
        }
        let text = random_text()?;
        let now = service.now();
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.is_alive(now));
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.begun_at).map(|(id, _)| *id);
            oldest.and_then(|id| sessions.remove(&id));
        }
        let session = Session { access_key_id: access_key_id.to_owned(), begun_at: now };
        sessions.insert(body_sha256(text.as_bytes()), session);
        Ok(Some(text))
    }

    /// Whose session it is. A key that was disabled has none.
    pub(super) fn visitor(&self, service: &Service, text: &str) -> Result<Option<Visitor>, Refusal> {
        let access_key_id = {
            let sessions = self.lock();
            let session = sessions.get(&body_sha256(text.as_bytes()));
            session
                .filter(|session| session.is_alive(service.now()))
                .map(|session| session.access_key_id.clone())
        };
        let Some(access_key_id) = access_key_id else { return Ok(None) };
        let credential = service.credential(&access_key_id)?;
        Ok(credential.map(|credential| Visitor { caller: credential.caller, form_token: form_token(text) }))
    }

    /// Signs somebody out.
    pub(super) fn end(&self, text: &str) {
        self.lock().remove(&body_sha256(text.as_bytes()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_alive(&self, now: Timestamp) -> bool {
        now.millis() - self.begun_at.millis() < LIFE_MS
    }
}

/// Made of the session's text, which another site cannot read.
pub(super) fn form_token(text: &str) -> String {
    hex(&body_sha256(format!("form\0{text}").as_bytes()))
}

fn random_text() -> Result<String, Refusal> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Refusal::internal)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}
