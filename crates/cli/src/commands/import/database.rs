//! The import of a database: part by part, each stored whole before the next begins, and from where an earlier import ended.
//!
//! How far it came is kept with the farm, written after what it speaks of is stored. Losing it costs time and nothing else:
//! what is read twice counts as unchanged.

use std::collections::BTreeMap;

use farmtally_connectors::{OpenCueEnd, OpenCueProgress};
use farmtally_ingest::{OpenCueFrame, queue_id_for_name};
use farmtally_model::FarmId;
use farmtally_service::Catalogue;
use serde_json::{Value, json};

use super::Import;
use crate::report_error::Failure;

/// Batches of a part: what is read again when an import is killed.
const BATCHES_PER_PART: usize = 8;

impl Import<'_> {
    /// Reads what is new in a database.
    pub(super) fn read_database(&mut self, index: usize) -> Result<(), Failure> {
        let mut place = Place::of(self, index)?;
        let mut progress = place.as_ref().map_or_else(|| Ok(OpenCueProgress::default()), Place::load)?;
        loop {
            let end = self.read_part(index, progress.clone())?;
            let Some(OpenCueEnd { progress: next, is_last, .. }) = end else { return Ok(()) };
            // The first record made the farm.
            place = place.map_or_else(|| Place::of(self, index), |place| Ok(Some(place)))?;
            if let Some(place) = &place {
                place.save(&progress, &next)?;
            }
            if is_last {
                return Ok(());
            }
            progress = next;
        }
    }

    /// Reads and stores a part; nothing when somebody asked to stop before its end.
    fn read_part(&mut self, index: usize, since: OpenCueProgress) -> Result<Option<OpenCueEnd>, Failure> {
        let rows_max = u32::try_from(self.batch_records_max * BATCHES_PER_PART).unwrap_or(u32::MAX);
        let source = &self.sources[index];
        let Some(database) = source.database() else { return Ok(None) };
        let mut part = database.read(since, rows_max).map_err(|error| source.unreadable(&error))?;
        let read_before = self.tally.read;
        self.take_all(index, &mut part.entries)?;
        self.store_batch()?;
        self.await_all()?;
        let Some(end) = part.end.get() else { return Ok(None) };
        self.tally.expect(part.rows + end.gone, self.tally.read - read_before);
        Ok(Some(end.clone()))
    }
}

/// Where the progress of one source is kept, among the settings of the farm.
struct Place {
    catalogue: Catalogue,
    farm_id: FarmId,
    prefix: String,
}

/// The setting beside those of the open runs, whose keys are not so short.
const READ: &str = "read";

impl Place {
    /// A dry run has none, nor has a farm that is not there yet.
    fn of(import: &Import<'_>, index: usize) -> Result<Option<Self>, Failure> {
        if import.arguments.dry_run || !import.arguments.folder.exists()? {
            return Ok(None);
        }
        let catalogue = import.arguments.folder.catalogue()?;
        let Some(farm) = import.arguments.farm.find(&catalogue)? else { return Ok(None) };
        let farm_id = farm.farm_id;
        // The digits of any id made of a text tell texts apart.
        let digits = queue_id_for_name(&import.names[index]).to_string().replace("queue-", "");
        Ok(Some(Self { catalogue, farm_id, prefix: format!("opencue/{digits}/") }))
    }

    fn load(&self) -> Result<OpenCueProgress, Failure> {
        let mut progress = OpenCueProgress::default();
        for (name, value) in self.catalogue.farm_settings(self.farm_id, &self.prefix)? {
            if name == READ {
                // One that cannot be read is none.
                let read: Value = serde_json::from_slice(&value).unwrap_or_default();
                let second = |member: &str| read.get(member).and_then(Value::as_i64).unwrap_or_default();
                (progress.read_to, progress.seen) = (second("to"), second("seen"));
            } else if let Ok(frame) = serde_json::from_slice(&value) {
                progress.open.insert(name, frame);
            }
        }
        Ok(progress)
    }

    /// Writes what is different from before.
    fn save(&self, before: &OpenCueProgress, now: &OpenCueProgress) -> Result<(), Failure> {
        let name = |key: &String| format!("{}{key}", self.prefix);
        let opened = difference(&now.open, &before.open);
        let mut put = Vec::with_capacity(opened.len() + 1);
        for frame in opened {
            let value = serde_json::to_vec(frame).map_err(|error| Failure::of(&error))?;
            put.push((name(&frame.pk_frame_history), value));
        }
        let read = json!({ "to": now.read_to, "seen": now.seen }).to_string().into_bytes();
        put.push((name(&READ.to_owned()), read));
        let ended: Vec<String> =
            difference(&before.open, &now.open).iter().map(|frame| name(&frame.pk_frame_history)).collect();
        Ok(self.catalogue.change_farm_settings(self.farm_id, &put, &ended)?)
    }
}

/// Runs that are in one and not in the other.
fn difference<'a>(
    one: &'a BTreeMap<String, OpenCueFrame>,
    other: &BTreeMap<String, OpenCueFrame>,
) -> Vec<&'a OpenCueFrame> {
    one.iter().filter(|(key, _)| !other.contains_key(*key)).map(|(_, frame)| frame).collect()
}
