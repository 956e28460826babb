//! The keys that requests are verified with, remembered for a moment, so that a request costs no look into the catalogue.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use farmtally_model::Timestamp;
use farmtally_store::Catalogue;

use crate::keys::{Credential, KeyError, open_credential};
use crate::limits::KEY_MEMORY;
use crate::sealing::SealingKey;

/// Keys by id, with the moment at which they were looked up.
#[derive(Debug)]
pub(crate) struct KeyRing {
    sealing: SealingKey,
    remembered: Mutex<HashMap<String, (Instant, Credential)>>,
}

impl KeyRing {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let sealing = SealingKey::new(catalogue.master_key().expose_secret());
        Self { sealing, remembered: Mutex::default() }
    }

    /// The key with this id, unless there is none or it does not work at `now`.
    pub(crate) fn credential(
        &self,
        catalogue: &Catalogue,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<Option<Credential>, KeyError> {
        if let Some(credential) = self.remembered(access_key_id) {
            return Ok(Some(credential));
        }
        let credential = open_credential(catalogue, &self.sealing, access_key_id, now)?;
        if let Some(credential) = &credential {
            self.remember(credential);
        }
        Ok(credential)
    }

    /// The key, if it was looked up a moment ago.
    pub(crate) fn remembered(&self, access_key_id: &str) -> Option<Credential> {
        let remembered = self.lock();
        let (since, credential) = remembered.get(access_key_id)?;
        (since.elapsed() < KEY_MEMORY).then(|| credential.clone())
    }

    fn remember(&self, credential: &Credential) {
        let mut remembered = self.lock();
        remembered.retain(|_, (since, _)| since.elapsed() < KEY_MEMORY);
        remembered.insert(credential.caller.access_key_id.clone(), (Instant::now(), credential.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Credential)>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
