//! Compaction: segments of a month that are small, or that hold removed records, are written anew as one.
//!
//! It works as sealing does: new files first, then one transaction that names them in the place of the old ones, and the old
//! files go last. A snapshot that was taken before keeps what it has mapped.

use std::collections::BTreeMap;
use std::path::PathBuf;

use farmtally_model::RecordId;
use hashbrown::{HashMap, HashSet};

use crate::database::Database;
use crate::error::StoreError;
use crate::farm::{OpenFarm, SegmentNumbers};
use crate::limits::{SEGMENT_RECORDS_MAX, SMALL_SEGMENT_RECORDS, SMALL_SEGMENTS};
use crate::refresh::Swap;
use crate::roster::Piece;
use crate::sealed::{Manifest, ManifestChange, Month, Segment, read_records};
use crate::sealing::Written;
use crate::shared::Sealing;

impl OpenFarm {
    /// Writes one group of segments anew. False when none is worth it.
    pub(crate) fn compact(&self, database: &Database) -> Result<bool, StoreError> {
        self.with_the_right(database, |right, numbers| self.compact_by((database, right), numbers))
    }

    fn compact_by(
        &self,
        (database, right): (&Database, Sealing),
        numbers: &mut SegmentNumbers,
    ) -> Result<bool, StoreError> {
        let (manifest, names) = {
            let book = self.book()?;
            (book.manifest.clone(), book.registry.segment_names())
        };
        let Some(inputs) = choose(&manifest) else { return Ok(false) };
        let mut ids = HashMap::new();
        let puts = self.live_records(&manifest, &inputs, &mut ids)?;
        let first = inputs.iter().map(|input| input.sequences.0).min().unwrap_or(0);
        let last = inputs.iter().map(|input| input.sequences.1).max().unwrap_or(0);
        let next_number = numbers.next(&manifest);
        let written = self.write_segments((database, right), next_number, ((first, last), &names), puts)?;
        numbers.try_with(&written.segments());
        self.replace((database, right), &manifest, &inputs, &written, &ids)?;
        Ok(true)
    }

    /// The records of segments that are live, and the id of each by its place.
    fn live_records(
        &self,
        manifest: &Manifest,
        inputs: &[Segment],
        ids: &mut HashMap<(u32, u32), RecordId>,
    ) -> Result<Vec<crate::encoding::Put>, StoreError> {
        let mut puts = Vec::new();
        for input in inputs {
            read_records(&self.files, input, |sealed| {
                let row = sealed.row;
                if manifest.is_live(input.number, row) {
                    let put = sealed.into_put();
                    ids.insert((input.number, row), put.record.id());
                    puts.push(put);
                }
                Ok(())
            })?;
        }
        Ok(puts)
    }

    /// Names the new segments in the place of the old ones. What was removed meanwhile is removed from the new ones.
    fn replace(
        &self,
        (database, right): (&Database, Sealing),
        manifest: &Manifest,
        inputs: &[Segment],
        written: &Written,
        ids: &HashMap<(u32, u32), RecordId>,
    ) -> Result<(), StoreError> {
        let keys = self.write_keys_of(written)?;
        let dropped: Vec<u32> = inputs.iter().map(|input| input.number).collect();
        let columns = self.prepare_columns(written)?;
        let pieces = written.pieces();
        let (mut book, removals) = self.name_segments(database, right, manifest, |book| {
            let removed: HashSet<RecordId> = inputs
                .iter()
                .flat_map(|input| book.manifest.removed(input.number).map(|row| (input.number, row)))
                .filter_map(|place| ids.get(&place).copied())
                .collect();
            Ok(ManifestChange {
                added: written.segments(),
                dropped: dropped.clone(),
                removals: written.removals_of(&removed),
                ..ManifestChange::default()
            })
        })?;
        let is_gone = |piece| inputs.iter().any(|input| piece == Piece::Segment(input.number));
        self.write_roster().move_pieces(&pieces, is_gone);
        book.keys = keys.into_iter().fold(book.keys.clone(), |keys, file| keys.with(file));
        let swap = Swap { dropped: &dropped, removals, sealed: None };
        let swapped = self.swap_columns(&mut book, database, columns, swap);
        self.publish(&book);
        drop(book);
        swapped?;
        let old: Vec<PathBuf> =
            inputs.iter().flat_map(|input| self.files.of_segment(input.month, input.number)).collect();
        self.files.retire(&old)
    }
}

/// Segments of one month that are worth one new segment: those with removed records, and the small ones if they are many.
fn choose(manifest: &Manifest) -> Option<Vec<Segment>> {
    let mut months: BTreeMap<Month, Vec<&Segment>> = BTreeMap::new();
    for segment in manifest.segments() {
        months.entry(segment.month).or_default().push(segment);
    }
    months.into_values().find_map(|segments| choose_of_month(&segments))
}

fn choose_of_month(segments: &[&Segment]) -> Option<Vec<Segment>> {
    let (damaged, whole): (Vec<&Segment>, Vec<&Segment>) =
        segments.iter().partition(|segment| segment.removed_count() > 0);
    let small: Vec<&Segment> =
        whole.into_iter().filter(|segment| segment.live_count() < SMALL_SEGMENT_RECORDS).collect();
    let small = if damaged.is_empty() && small.len() < SMALL_SEGMENTS { Vec::new() } else { small };
    let mut chosen: Vec<Segment> = Vec::new();
    let mut records = 0;
    for segment in damaged.into_iter().chain(small) {
        // One segment is always taken, however large.
        if chosen.is_empty() || records + segment.live_count() <= SEGMENT_RECORDS_MAX as u64 {
            records += segment.live_count();
            chosen.push(segment.clone());
        }
    }
    (!chosen.is_empty()).then_some(chosen)
}
