//! A farm's records in two shares: what is sealed in files that another engine can read, and the rest as records.
//!
//! Both are of one moment, and together they are the farm. Files of a share stay in the folder for as long as it is held,
//! even when their records are written anew meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{FarmId, LineCost, Record, RecordId, TimeRange, Usage};

use crate::book::Reading;
use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::sealed::{FarmFiles, HeldFiles, Manifest, Removal, Segment, ended_nanos};
use crate::store::Store;

/// A farm's records at one moment, in two shares.
#[derive(Debug)]
pub struct FarmShares {
    /// All of them, as a single engine reads them.
    pub snapshot: Arc<FarmSnapshot>,
    /// The segments that reach into the window.
    pub sealed: SealedShare,
    /// Everything that is in no segment, whether or not it reaches into the window.
    pub unsealed: Vec<Record<LineCost>>,
    /// Keeps the files of the segments where they are.
    pub files: HeldFiles,
}

/// Segments that another engine reads, and what the manifest knows of them.
#[derive(Debug, Default)]
pub struct SealedShare {
    /// Their files, by their names below the folder, with `/` between.
    pub names: Vec<String>,
    /// Records of these files that are no longer live, by id and revision. No other record has both.
    pub removed: Vec<(RecordId, u32)>,
    /// Records that are live.
    pub record_count: u64,
    /// Usage lines of the live records: rows of the files.
    pub line_count: u64,
    /// Costs of the live lines together, in nano-dollars.
    pub cost_nanos: u128,
    /// For each segment its rows times the time that it spans, in milliseconds: no sum of runtimes is greater.
    pub runtime_ms_bound: u128,
}

impl Store {
    /// Live records of a farm that are sealed in segments which reach into a window.
    pub fn sealed_record_count(&self, farm_id: FarmId, window: TimeRange) -> Result<u64, StoreError> {
        self.on_farm(farm_id, |farm, _| {
            Ok(reaching(&farm.book()?.manifest, window).map(Segment::live_count).sum())
        })
    }

    /// The farm's records at this moment in two shares. Unlike [`Store::snapshot`] it waits for a batch that is being stored.
    pub fn shares(&self, farm_id: FarmId, window: TimeRange) -> Result<FarmShares, StoreError> {
        self.on_farm(farm_id, |farm, database| farm.shares(database, window))
    }
}

impl OpenFarm {
    fn shares(&self, database: &Database, window: TimeRange) -> Result<FarmShares, StoreError> {
        let book = self.book()?;
        let reading = Reading { database, files: &self.files };
        let mut unsealed = Vec::new();
        book.for_each_unsealed(&reading, book.manifest.base(), |_, put| unsealed.push(put.record))?;
        let expected = book.identities.live_count();
        if unsealed.len() as u64 != expected {
            let reason = format!("they hold {} records instead of {expected}", unsealed.len());
            return Err(StoreError::damaged(format!("the batches of `{}`", self.files.farm_id()), reason));
        }
        let removals =
            database.read(|connection| book.manifest.removals(connection, self.files.farm_id()))?;
        let segments: Vec<_> = reaching(&book.manifest, window).collect();
        let sealed = sealed_share(&self.files, &segments, &removals);
        Ok(FarmShares { snapshot: book.columns.snapshot(), sealed, unsealed, files: self.files.hold() })
    }
}

/// The segments whose records may have a part in a window. A record without length counts at its instant.
fn reaching(manifest: &Manifest, window: TimeRange) -> impl Iterator<Item = &Segment> {
    let (start_ms, end_ms) = (window.start().millis(), window.end().millis());
    manifest.segments().filter(move |segment| segment.start_min_ms < end_ms && segment.end_max_ms >= start_ms)
}

fn sealed_share(files: &FarmFiles, segments: &[&Segment], removals: &[Removal]) -> SealedShare {
    let mut removed: BTreeMap<u32, Vec<&Record<LineCost>>> = BTreeMap::new();
    for removal in removals {
        removed.entry(removal.segment).or_default().push(&removal.record);
    }
    let names = files.segment_names(segments.iter().copied()).collect();
    let mut share = SealedShare { names, ..SealedShare::default() };
    for segment in segments {
        share.record_count += segment.live_count();
        share.line_count += u64::from(segment.row_count);
        share.cost_nanos += segment.cost_nanos;
        let span_ms = segment.end_max_ms.abs_diff(segment.start_min_ms);
        share.runtime_ms_bound += u128::from(segment.row_count) * u128::from(span_ms);
        for record in removed.get(&segment.number).into_iter().flatten() {
            share.removed.push((record.id(), record.revision()));
            let (lines, cost_nanos) = lines_and_cost(record);
            share.line_count = share.line_count.saturating_sub(lines);
            share.cost_nanos = share.cost_nanos.saturating_sub(cost_nanos);
        }
    }
    share
}

/// Rows of a sealed record, and what they cost together in nano-dollars.
fn lines_and_cost(record: &Record<LineCost>) -> (u64, u128) {
    let nanos = |cost, quantity| u128::from(ended_nanos(cost, quantity, record.span()));
    match record {
        Record::Session(session) => {
            let lines = session.usage.as_slice();
            let quantity = |usage: &Usage| match usage {
                Usage::Compute => 1,
                Usage::License { quantity, .. } => *quantity,
            };
            let costs = lines.iter().map(|line| nanos(line.cost, quantity(&line.usage)));
            (lines.len() as u64, costs.sum())
        }
        Record::Volume(volume) => (1, nanos(volume.cost, 1)),
    }
}

#[cfg(test)]
mod planning_tests;
