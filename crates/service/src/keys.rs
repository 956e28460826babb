//! Access keys: made here, and kept encrypted.
//!
//! SigV4 needs the secret itself, so it cannot be kept as a hash. It is sealed under the folder's master key and bound
//! to the key's id, role and farm, so that a row of the catalogue cannot be given another role.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use farmtally_model::{DisplayName, FarmId, Timestamp};
use farmtally_store::{Catalogue, StoreError, StoredAccessKey};
use zeroize::Zeroizing;

use crate::access::{Caller, Role};
use crate::error::InternalError;
use crate::sealing::{SealingKey, random_bytes};

/// A secret access key. It does not show itself.
#[derive(Clone)]
pub struct AccessKeySecret(Zeroizing<String>);

impl AccessKeySecret {
    /// The secret in clear text, for signing and for showing it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AccessKeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessKeySecret(hidden)")
    }
}

/// A key with its secret and what it may do.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Who signs with it.
    pub caller: Caller,
    /// What they sign with.
    pub secret: AccessKeySecret,
}

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeySummary {
    /// The key.
    pub access_key_id: String,
    /// What people call it, if anything.
    pub name: Option<DisplayName>,
    /// What it is for.
    pub role: Role,
    /// The only farm it can see, or `None` for all.
    pub farm_id: Option<FarmId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it does not work, if it was disabled or rotated.
    pub disabled_at: Option<Timestamp>,
}

impl AccessKeySummary {
    /// Whether the key works at an instant.
    pub fn works_at(&self, now: Timestamp) -> bool {
        works_at(self.disabled_at, now)
    }
}

fn works_at(disabled_at: Option<Timestamp>, now: Timestamp) -> bool {
    disabled_at.is_none_or(|at| now < at)
}

/// Why a key could not be made, read, disabled or deleted.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The catalogue could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no random bytes.
    #[error("failed to make a key")]
    Sealing(#[source] InternalError),
    /// A stored key does not open under the folder's master key.
    #[error(
        "access key `{access_key_id}` cannot be read with this folder's master key; was `master.key` replaced?"
    )]
    Unreadable {
        /// The key.
        access_key_id: String,
    },
}

/// Makes, lists, rotates, disables and deletes the keys in a catalogue, beside a running server too.
#[derive(Debug)]
pub struct KeyAdministration<'a> {
    catalogue: &'a Catalogue,
    sealing: SealingKey,
}

impl<'a> KeyAdministration<'a> {
    /// The keys of a catalogue.
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, sealing: SealingKey::new(catalogue.master_key().expose_secret()) }
    }

    /// Makes a key. Its secret can be read again with [`Self::credential`] by whoever can read the folder.
    pub fn create(
        &self,
        role: Role,
        farm_id: Option<FarmId>,
        now: Timestamp,
    ) -> Result<Credential, KeyError> {
        let sealing_failed = |error| KeyError::Sealing(Box::new(error));
        let access_key_id = new_access_key_id().map_err(sealing_failed)?;
        let secret = new_secret().map_err(sealing_failed)?;
        let context = context(&access_key_id, role, farm_id);
        let sealed_secret =
            self.sealing.seal(secret.expose().as_bytes(), &context).map_err(sealing_failed)?;
        self.catalogue.insert_access_key(&StoredAccessKey {
            access_key_id: access_key_id.clone(),
            sealed_secret,
            role: role.as_str().to_owned(),
            farm_id,
            created_at: now,
            disabled_at: None,
        })?;
        Ok(Credential { caller: Caller { access_key_id, role, farm_id }, secret })
    }

    /// Says what people call a key.
    pub fn set_name(&self, access_key_id: &str, name: &DisplayName) -> Result<(), KeyError> {
        Ok(self.catalogue.put_setting(&name_setting(access_key_id), name.as_str().as_bytes())?)
    }

    /// Makes a key with the name, role and farm of another, which works until `until` and no longer. `None` when the
    /// other does not exist or does not work at `now`.
    pub fn rotate(
        &self,
        access_key_id: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Credential>, KeyError> {
        let old =
            self.list()?.into_iter().find(|key| key.access_key_id == access_key_id && key.works_at(now));
        let Some(old) = old else { return Ok(None) };
        let new = self.create(old.role, old.farm_id, now)?;
        if let Some(name) = &old.name {
            self.set_name(&new.caller.access_key_id, name)?;
        }
        // Last, so that a crash leaves two keys that work rather than none.
        self.catalogue.disable_access_key(access_key_id, until)?;
        Ok(Some(new))
    }

    /// The key with this id, unless there is none or it does not work at `now`.
    pub fn credential(&self, access_key_id: &str, now: Timestamp) -> Result<Option<Credential>, KeyError> {
        open_credential(self.catalogue, &self.sealing, access_key_id, now)
    }

    /// The oldest admin key for all farms that works, made if there is none.
    pub fn default_admin(&self, now: Timestamp) -> Result<Credential, KeyError> {
        let works = |key: &AccessKeySummary| {
            key.role == Role::Admin && key.farm_id.is_none() && key.disabled_at.is_none()
        };
        let oldest = self
            .list()?
            .into_iter()
            .filter(works)
            .min_by_key(|key| (key.created_at, key.access_key_id.clone()));
        match oldest.map(|key| self.credential(&key.access_key_id, now)).transpose()?.flatten() {
            Some(credential) => Ok(credential),
            None => self.create(Role::Admin, None, now),
        }
    }

    /// Every key, without secrets.
    pub fn list(&self) -> Result<Vec<AccessKeySummary>, KeyError> {
        let keys = self.catalogue.access_keys()?.into_iter().map(|key| {
            let role = Role::parse(&key.role)
                .ok_or_else(|| KeyError::Unreadable { access_key_id: key.access_key_id.clone() })?;
            Ok(AccessKeySummary {
                name: self.name(&key.access_key_id)?,
                access_key_id: key.access_key_id,
                role,
                farm_id: key.farm_id,
                created_at: key.created_at,
                disabled_at: key.disabled_at,
            })
        });
        keys.collect()
    }

    /// Stops a key from working, within two seconds on a running server. False when there is no such working key.
    pub fn disable(&self, access_key_id: &str, now: Timestamp) -> Result<bool, KeyError> {
        Ok(self.catalogue.disable_access_key(access_key_id, now)?)
    }

    /// Forgets a key that does not work any more. False when there is none, or it still works.
    pub fn delete(&self, access_key_id: &str, now: Timestamp) -> Result<bool, KeyError> {
        let deleted = self.catalogue.delete_access_key(access_key_id, now)?;
        if deleted {
            self.catalogue.delete_setting(&name_setting(access_key_id))?;
        }
        Ok(deleted)
    }

    fn name(&self, access_key_id: &str) -> Result<Option<DisplayName>, KeyError> {
        let text = self.catalogue.setting(&name_setting(access_key_id))?;
        Ok(text.and_then(|text| String::from_utf8(text).ok()).and_then(|text| DisplayName::new(&text).ok()))
    }
}

/// Where a key's name is kept: beside the key, because the name says nothing about what the key may do.
fn name_setting(access_key_id: &str) -> String {
    format!("access-key-name/{access_key_id}")
}

/// The key with this id, unless there is none or it does not work at `now`.
pub(crate) fn open_credential(
    catalogue: &Catalogue,
    sealing: &SealingKey,
    access_key_id: &str,
    now: Timestamp,
) -> Result<Option<Credential>, KeyError> {
    let Some(key) = catalogue.access_key(access_key_id)?.filter(|key| works_at(key.disabled_at, now)) else {
        return Ok(None);
    };
    let unreadable = || KeyError::Unreadable { access_key_id: access_key_id.to_owned() };
    let role = Role::parse(&key.role).ok_or_else(unreadable)?;
    let plain = sealing
        .open(&key.sealed_secret, &context(access_key_id, role, key.farm_id))
        .ok_or_else(unreadable)?;
    let secret = std::str::from_utf8(&plain).map_err(|_| unreadable())?.to_owned();
    let caller = Caller { access_key_id: key.access_key_id, role, farm_id: key.farm_id };
    Ok(Some(Credential { caller, secret: AccessKeySecret(Zeroizing::new(secret)) }))
}

/// What a sealed secret is bound to.
fn context(access_key_id: &str, role: Role, farm_id: Option<FarmId>) -> Vec<u8> {
    let farm = farm_id.map_or_else(|| "*".to_owned(), |farm_id| farm_id.to_string());
    format!("access-key\0{access_key_id}\0{}\0{farm}", role.as_str()).into_bytes()
}

/// `FTAK` and 16 letters and digits, the length and alphabet that AWS's own tools expect.
fn new_access_key_id() -> Result<String, crate::sealing::SealingError> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random_bytes::<16>()?.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(letters.iter().fold("FTAK".to_owned(), |id, letter| id + &letter.to_string()))
}

/// 30 random bytes, 40 characters.
fn new_secret() -> Result<AccessKeySecret, crate::sealing::SealingError> {
    let bytes = Zeroizing::new(random_bytes::<30>()?);
    Ok(AccessKeySecret(Zeroizing::new(STANDARD_NO_PAD.encode(bytes.as_slice()))))
}
