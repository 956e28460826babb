//! `verify`: reads everything in a folder, compares every checksum and every count, and says what does not agree.

use std::collections::BTreeMap;
use std::path::Path;

use farmtally_model::{FarmId, LineCost, Record, RecordId};
use hashbrown::{HashMap, HashSet};

use crate::batches;
use crate::catalogue::Catalogue;
use crate::database::Connection;
use crate::encoding::Entry;
use crate::error::{OpenError, StoreError};
use crate::folder::FolderLock;
use crate::location::require_own;
use crate::sealed::{
    FarmFiles, Keys, LoadedManifest, Manifest, OpenedKeys, Segment, StoredDictionaries, read_records,
    verify_columns,
};

/// What was found in a folder.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// The farms that have records.
    pub farms: Vec<FarmFigures>,
    /// What does not agree, of all farms; nothing when the folder is whole.
    pub findings: Vec<Finding>,
}

/// How much of a farm was read and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarmFigures {
    /// The farm.
    pub farm_id: FarmId,
    /// Batches that are not sealed.
    pub batches: u64,
    /// Entries of these batches, and what sealing carries on.
    pub entries: u64,
    /// Segments.
    pub segments: u64,
    /// Live sessions of the segments.
    pub sealed_sessions: u64,
    /// Live volumes of the segments.
    pub sealed_volumes: u64,
    /// Bytes of the segments' files.
    pub segment_bytes: u64,
    /// Keys of sealed records.
    pub keys: u64,
    /// Column blocks.
    pub blocks: u64,
}

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The farm, unless it is the catalogue as a whole.
    pub farm_id: Option<FarmId>,
    /// What is wrong, with the name of the file or part.
    pub problem: String,
}

/// Verifies a folder that no server has. What can be read is read on, whatever is found.
pub fn verify(dir: &Path) -> Result<VerifyReport, OpenError> {
    require_own(dir)?;
    let _lock = FolderLock::acquire(dir)?;
    let catalogue = Catalogue::open(dir)?;
    let mut report = VerifyReport::default();
    for problem in catalogue.database().integrity_problems()? {
        report.findings.push(Finding { farm_id: None, problem: format!("`catalogue.sqlite`: {problem}") });
    }
    let read = catalogue.database().read_long(|connection| {
        for farm_id in batches::farms(connection)? {
            let mut farm = FarmVerification::new(dir, farm_id);
            if let Err(error) = farm.run(connection) {
                farm.found(&error.to_string());
            }
            report.findings.extend(farm.findings);
            report.farms.push(farm.figures);
        }
        Ok(())
    });
    match read {
        // Of a damaged catalogue it cannot be told which farms there are.
        Err(error @ StoreError::Damaged { .. }) => {
            report.findings.push(Finding { farm_id: None, problem: error.to_string() });
        }
        read => read?,
    }
    Ok(report)
}

/// The verification of one farm.
struct FarmVerification {
    files: FarmFiles,
    figures: FarmFigures,
    findings: Vec<Finding>,
}

impl FarmVerification {
    fn new(dir: &Path, farm_id: FarmId) -> Self {
        let figures = FarmFigures {
            farm_id,
            batches: 0,
            entries: 0,
            segments: 0,
            sealed_sessions: 0,
            sealed_volumes: 0,
            segment_bytes: 0,
            keys: 0,
            blocks: 0,
        };
        Self { files: FarmFiles::new(dir, farm_id), figures, findings: Vec::new() }
    }

    fn found(&mut self, problem: &str) {
        let farm_id = Some(self.figures.farm_id);
        self.findings.push(Finding { farm_id, problem: problem.to_owned() });
    }

    fn run(&mut self, connection: &Connection<'_>) -> Result<(), StoreError> {
        let LoadedManifest { manifest, carried, removals } =
            Manifest::load(connection, self.figures.farm_id)?;
        let unsealed = self.batches(connection, &manifest, carried)?;
        let mut live = HashMap::new();
        let mut counts = BTreeMap::new();
        for segment in manifest.segments() {
            if let Err(error) = self.segment(&manifest, segment, &unsealed, &mut live) {
                self.found(&error.to_string());
            }
            counts.insert(segment.number, 0_u64);
        }
        for removal in removals {
            let what = format!("segment {} row {}", removal.segment, removal.row);
            if live.get(&removal.record.id()) == Some(&(removal.segment, removal.row)) {
                self.found(&format!("{what} is removed and live at once"));
            }
        }
        self.columns(&manifest);
        self.keys(&manifest, &mut counts)
    }

    /// Compares the column blocks that are there with the manifest.
    fn columns(&mut self, manifest: &Manifest) {
        let dictionaries = match StoredDictionaries::open(&self.files) {
            Ok(Some(dictionaries)) => dictionaries,
            // Blocks mean nothing without them, and are made anew.
            Ok(None) => return,
            Err(error) => return self.found(&error.to_string()),
        };
        if let Err(error) = dictionaries.verify(&self.files) {
            self.found(&error.to_string());
        }
        for segment in manifest.segments() {
            match verify_columns(&self.files, segment, dictionaries.origin()) {
                Ok(blocks) => self.figures.blocks += blocks,
                Err(error) => self.found(&error.to_string()),
            }
        }
    }

    /// Walks the chain, and returns the ids of what lives in batches and among the carried.
    fn batches(
        &mut self,
        connection: &Connection<'_>,
        manifest: &Manifest,
        carried: Vec<Entry>,
    ) -> Result<HashSet<RecordId>, StoreError> {
        let farm_id = self.figures.farm_id;
        let head = batches::head(connection, farm_id)?;
        batches::check_head_is_last(connection, farm_id, head)?;
        let (mut known, mut live) = (HashSet::new(), HashSet::new());
        let mut note = |entry: Entry| {
            let id = entry.id();
            if known.insert(id) && matches!(entry, Entry::Put(_)) {
                live.insert(id);
            }
        };
        let figures = &mut self.figures;
        batches::for_each_newest_first(connection, farm_id, manifest.base(), head, |_, entries| {
            figures.batches += 1;
            figures.entries += entries.len() as u64;
            entries.into_iter().for_each(&mut note);
            Ok(())
        })?;
        figures.entries += carried.len() as u64;
        carried.into_iter().for_each(note);
        Ok(live)
    }

    fn segment(
        &mut self,
        manifest: &Manifest,
        segment: &Segment,
        unsealed: &HashSet<RecordId>,
        live: &mut HashMap<RecordId, (u32, u32)>,
    ) -> Result<(), StoreError> {
        let name = self.files.segment_name(segment.month, segment.number);
        let mut counted = Segment::empty(segment.number, segment.month, segment.sequences);
        let (mut doubled, mut sessions, mut volumes) = (Vec::new(), 0, 0);
        read_records(&self.files, segment, |sealed| {
            let row = sealed.row;
            counted.count(&sealed.record, line_count(&sealed.record), total_nanos(&sealed.record));
            if manifest.is_live(segment.number, row) {
                let id = sealed.record.id();
                match sealed.record {
                    Record::Session(_) => sessions += 1,
                    Record::Volume(_) => volumes += 1,
                }
                if unsealed.contains(&id) || live.insert(id, (segment.number, row)).is_some() {
                    doubled.push(id);
                }
            }
            Ok(())
        })?;
        for id in doubled {
            self.found(&format!("`{name}` has `{id}`, which is stored in another place too"));
        }
        if !counted.agrees_with(segment) || sessions + volumes != segment.live_count() {
            self.found(&format!("`{name}` has other counts, times or costs than the manifest says"));
        }
        self.figures.segments += 1;
        self.figures.segment_bytes += segment.file_bytes;
        self.figures.sealed_sessions += sessions;
        self.figures.sealed_volumes += volumes;
        Ok(())
    }

    fn keys(&mut self, manifest: &Manifest, counts: &mut BTreeMap<u32, u64>) -> Result<(), StoreError> {
        let OpenedKeys { keys, missing, damaged, .. } = Keys::open(&self.files, manifest)?;
        for (_, error) in damaged {
            self.found(&error.to_string());
        }
        // Keys that are missing are no damage: they are made when the folder is opened.
        counts.retain(|number, _| !missing.contains(number));
        let mut seen = HashSet::new();
        for file in keys.files() {
            let verified = file.visit(|key, place| {
                if let Some(count) = counts.get_mut(&place.segment)
                    && seen.insert((key, place.segment, place.row))
                {
                    *count += 1;
                }
            });
            if let Err(error) = verified.and_then(|()| file.verify()) {
                self.found(&error.to_string());
            }
        }
        for (number, count) in counts {
            self.figures.keys += *count;
            let expected = manifest.segment(*number).map_or(0, Segment::record_count);
            if *count != expected {
                self.found(&format!("segment {number} has {count} keys instead of {expected}"));
            }
        }
        Ok(())
    }
}

/// Rows of a record in its segment.
fn line_count(record: &Record<LineCost>) -> u32 {
    match record {
        Record::Session(session) => u32::try_from(session.usage.as_slice().len()).unwrap_or(u32::MAX),
        Record::Volume(_) => 1,
    }
}

/// Cost of all rows of a record, which in a segment are totals.
fn total_nanos(record: &Record<LineCost>) -> u64 {
    let nanos = |cost: LineCost| match cost {
        LineCost::Total(total) => total.nanos(),
        LineCost::PerHour(_) => 0,
    };
    match record {
        Record::Session(session) => session.usage.as_slice().iter().map(|line| nanos(line.cost)).sum(),
        Record::Volume(volume) => nanos(volume.cost),
    }
}
