//! Stable ids for things that other systems name in their own way.
//!
//! An id is the first 128 bits of SHA-256 over `<kind> NUL <source> NUL <native id>`, so that the same log read
//! twice, on any machine, names the same queues, jobs and sessions. The recipe is a promise: changing it would count
//! every imported session a second time.

use farmtally_model::{DisplayName, FarmId, FleetId, JobId, QueueId, SessionId, WorkerId};
use sha2::{Digest, Sha256};

/// The source of names that were given to farmtally itself.
const OWN_SOURCE: &str = "farmtally";

/// A system with ids of its own, such as one Slurm cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignSource(String);

impl ForeignSource {
    /// The source with this name; a different name gives different ids for the same native ids.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Names in farmtally's own interchange form.
    pub(crate) fn own() -> Self {
        Self::new(OWN_SOURCE)
    }

    /// The id of a queue.
    pub fn queue(&self, native: &str) -> QueueId {
        QueueId::from_bytes(self.hash("queue", native))
    }

    /// The id of a fleet.
    pub fn fleet(&self, native: &str) -> FleetId {
        FleetId::from_bytes(self.hash("fleet", native))
    }

    /// The id of a job.
    pub fn job(&self, native: &str) -> JobId {
        JobId::from_bytes(self.hash("job", native))
    }

    /// The id of a session.
    pub fn session(&self, native: &str) -> SessionId {
        SessionId::from_bytes(self.hash("session", native))
    }

    /// The id of a worker.
    pub fn worker(&self, native: &str) -> WorkerId {
        WorkerId::from_bytes(self.hash("worker", native))
    }

    /// The id of a queue whose native id is a UUID: it keeps the digits, as do those of the other kinds below.
    pub(crate) fn queue_of_uuid(&self, uuid: &str) -> QueueId {
        kept_digits(uuid, "queue", QueueId::parse).unwrap_or_else(|| self.queue(uuid))
    }

    /// The id of a fleet whose native id is a UUID.
    pub(crate) fn fleet_of_uuid(&self, uuid: &str) -> FleetId {
        kept_digits(uuid, "fleet", FleetId::parse).unwrap_or_else(|| self.fleet(uuid))
    }

    /// The id of a job whose native id is a UUID.
    pub(crate) fn job_of_uuid(&self, uuid: &str) -> JobId {
        kept_digits(uuid, "job", JobId::parse).unwrap_or_else(|| self.job(uuid))
    }

    /// The id of a session whose native id is a UUID.
    pub(crate) fn session_of_uuid(&self, uuid: &str) -> SessionId {
        kept_digits(uuid, "session", SessionId::parse).unwrap_or_else(|| self.session(uuid))
    }

    /// The id of a worker whose native id is a UUID.
    pub(crate) fn worker_of_uuid(&self, uuid: &str) -> WorkerId {
        kept_digits(uuid, "worker", WorkerId::parse).unwrap_or_else(|| self.worker(uuid))
    }

    fn hash(&self, kind: &str, native: &str) -> [u8; 16] {
        let mut hasher = Sha256::new();
        for part in [kind, "\0", &self.0, "\0", native] {
            hasher.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize()[..16]);
        bytes
    }
}

/// The id with the digits of a UUID; `None` for what is none.
fn kept_digits<T, E>(uuid: &str, kind: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
    parse(&format!("{kind}-{}", uuid_digits(uuid)?)).ok()
}

/// The 32 digits of `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub(crate) fn uuid_digits(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_uuid = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_uuid.then(|| parts.concat().to_ascii_lowercase())
}

/// The id of the farm that people call `name`.
pub fn farm_id_for_name(name: &str) -> FarmId {
    FarmId::from_bytes(ForeignSource::own().hash("farm", name))
}

/// The id that a queue gets when a record gives its name alone.
pub fn queue_id_for_name(name: &str) -> QueueId {
    ForeignSource::own().queue(name)
}

/// The id that a fleet gets when a record gives its name alone.
pub fn fleet_id_for_name(name: &str) -> FleetId {
    ForeignSource::own().fleet(name)
}

/// The id that a job gets when a record gives its name alone: the same name in another queue is another job.
pub(crate) fn job_id_for_name(queue_id: QueueId, name: &str) -> JobId {
    ForeignSource::own().job(&format!("{queue_id}\0{name}"))
}

/// What people call a foreign thing: its native name, cut to the length of a display name. The id is made of the
/// whole.
pub(crate) fn display_name(native: &str) -> Option<DisplayName> {
    let cut: String = native.chars().take(DisplayName::LENGTH_MAX).collect();
    DisplayName::new(&cut).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `printf 'queue\0farmtally\0comp' | sha256sum | head -c 32` and the like.
    #[test]
    fn ids_are_the_first_128_bits_of_the_documented_hash() {
        assert_eq!(queue_id_for_name("comp").to_string(), "queue-0c3ac7e48417b93ab2d359ba3a42cd66");
        assert_eq!(farm_id_for_name("oslo").to_string(), "farm-d5e9816650cca3315bfa365febbe0f72");
    }

    #[test]
    fn kind_source_and_native_id_all_tell_ids_apart() {
        let (one, other) = (ForeignSource::new("slurm/one"), ForeignSource::new("slurm/other"));
        assert_ne!(one.queue("gpu"), other.queue("gpu"));
        assert_ne!(one.queue("gpu"), one.queue("cpu"));
        assert_ne!(one.queue("gpu").bytes(), one.fleet("gpu").bytes());
        assert_eq!(one.session("7"), ForeignSource::new("slurm/one").session("7"));
    }

    #[test]
    fn the_same_job_name_in_two_queues_is_two_jobs() {
        let (comp, sim) = (queue_id_for_name("comp"), queue_id_for_name("sim"));
        assert_ne!(job_id_for_name(comp, "sh010"), job_id_for_name(sim, "sh010"));
    }
}
