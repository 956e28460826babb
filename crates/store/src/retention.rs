//! Retention: whole months that a farm is not to keep are removed, and their records are refused from then on.

use std::path::PathBuf;

use farmtally_model::Timestamp;

use crate::database::Database;
use crate::error::StoreError;
use crate::farm::OpenFarm;
use crate::sealed::{ManifestChange, Month, Segment};
use crate::shared::Sealing;

impl OpenFarm {
    /// Removes the records that ended before the month so many months ago. False when that was done before.
    ///
    /// No tombstones are kept: what ended before the first kept instant is refused when it is sent again.
    pub(crate) fn retain(
        &self,
        database: &Database,
        months: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let first_kept = Month::of(now).before(months);
        let kept_from_ms = first_kept.start_ms().max(Timestamp::MIN.millis());
        if self.book()?.manifest.kept_from_ms() >= kept_from_ms {
            return Ok(false);
        }
        // What is not sealed yet is laid into months first.
        self.maintain(database, 1)?;
        self.with_the_right(database, |right, _| {
            self.drop_months((database, right), first_kept, kept_from_ms)
        })
    }

    fn drop_months(
        &self,
        (database, right): (&Database, Sealing),
        first_kept: Month,
        kept_from_ms: i64,
    ) -> Result<bool, StoreError> {
        let manifest = self.book()?.manifest.clone();
        let gone: Vec<Segment> =
            manifest.segments().filter(|segment| segment.month < first_kept).cloned().collect();
        let (mut book, _) = self.name_segments(database, right, &manifest, |_| {
            Ok(ManifestChange {
                dropped: gone.iter().map(|segment| segment.number).collect(),
                kept_from_ms: Some(kept_from_ms),
                ..ManifestChange::default()
            })
        })?;
        let files: Vec<PathBuf> =
            gone.iter().flat_map(|segment| self.files.of_segment(segment.month, segment.number)).collect();
        // Before the book is read again, which removes what nobody holds.
        let retired = self.files.retire(&files);
        if !gone.is_empty() {
            database.read_long(|connection| self.read_anew(connection, &mut book))?;
        }
        self.publish(&book);
        retired.map(|()| true)
    }
}
