//! `migrate`: a store moved from a folder to servers that share it, or back, and read back.
//!
//! Everything is copied but aggregations, whose answers live for an hour. The copy is committed as a whole after the files of
//! its segments are in place, so that one that broke off has left nothing but files, and can be begun anew.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use farmtally_model::FarmId;

use crate::audit::AUDIT_LOG;
use crate::batches;
use crate::catalogue::{Catalogue, Table, tables};
use crate::database::{Column, Connection, Value};
use crate::error::{OpenError, StoreError};
use crate::folder::{self, FolderLock, MASTER_KEY};
use crate::location::StoreLocation;
use crate::sealed::{FarmFiles, Manifest, Root, Segment, verified_bytes};
use crate::shared;

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Migrated {
    /// Farms that have records.
    pub farms: u64,
    /// Sessions and volumes in segments, those that were replaced since included.
    pub sealed_records: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of the segments.
    pub segment_bytes: u64,
    /// Batches that are not sealed.
    pub batches: u64,
}

/// Copies the store of a folder, which no server may have, to a place that is empty.
pub fn migrate(from: &Path, to: &StoreLocation) -> Result<Migrated, OpenError> {
    let _lock = FolderLock::acquire(from)?;
    let source = Catalogue::open(from)?;
    if source.database().is_shared() && source.database().read(shared::anyone_lives)? {
        return Err(OpenError::StillServed);
    }
    source.refuse_newer_tables()?;
    folder::create(to.path())?;
    let _destination_lock = FolderLock::acquire(to.path())?;
    copy_own_files(from, to.path())?;
    to.remember()?;
    let destination = Catalogue::open(to.path())?;
    if destination.database().read(|connection| connection.exists("SELECT 1 FROM farms", &[]))? {
        return Err(OpenError::NotEmpty { path: to.path().to_owned() });
    }
    let place =
        |catalogue: &Catalogue, dir: &Path, farm_id| FarmFiles::of_store(dir, catalogue.objects(), farm_id);
    let mut migrated = Migrated::default();
    let contents = source.database().read_long(|reading| {
        let contents = survey(reading)?;
        for farm in &contents {
            let (old, new) = (place(&source, from, farm.id), place(&destination, to.path(), farm.id));
            for segment in &farm.segments {
                copy_segment(&old, &new, segment)?;
                migrated.sealed_records += segment.record_count();
                migrated.segments += 1;
                migrated.segment_bytes += segment.file_bytes;
            }
        }
        let copied = destination
            .database()
            .write(|writing| tables().iter().try_for_each(|table| copy_table(reading, writing, table)))?;
        copied.into_inner();
        Ok(contents)
    })?;
    let found = destination.database().read_long(survey)?;
    if found != contents {
        let reason = "it does not hold what was copied; begin again with an empty place";
        return Err(StoreError::damaged("the copy", reason).into());
    }
    migrated.farms = contents.len() as u64;
    migrated.batches = contents.iter().map(|farm| farm.batches).sum();
    Ok(migrated)
}

/// What a farm has, as far as copies can be compared by it: the chain of its batches and the root of its manifest cover all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    id: FarmId,
    head: batches::Head,
    root: Root,
    batches: u64,
    segments: Vec<Segment>,
}

/// Walks every chain and every manifest, and verifies them.
fn survey(connection: &Connection<'_>) -> Result<Vec<Content>, StoreError> {
    let content = |farm_id| {
        let manifest = Manifest::load(connection, farm_id)?.manifest;
        let head = batches::head(connection, farm_id)?;
        let mut count = 0;
        batches::for_each_newest_first(connection, farm_id, manifest.base(), head, |_, _| {
            count += 1;
            Ok(())
        })?;
        let segments = manifest.segments().cloned().collect();
        Ok(Content { id: farm_id, head, root: manifest.root(), batches: count, segments })
    };
    batches::farms(connection)?.into_iter().map(content).collect()
}

/// Copies a segment to where the destination keeps them, and reads it back.
fn copy_segment(old: &FarmFiles, new: &FarmFiles, segment: &Segment) -> Result<(), StoreError> {
    let bytes = verified_bytes(old, segment)?;
    if !new.are_copies() {
        new.put_segment(segment, &bytes)?;
        return verified_bytes(new, segment).map(drop);
    }
    new.share(segment.month, segment.number, &bytes)?;
    if new.fetch(segment.month, segment.number)? == Some(bytes) {
        return Ok(());
    }
    let name = new.segment_name(segment.month, segment.number);
    Err(StoreError::damaged(format!("`{name}`"), "what was written does not read back"))
}

fn copy_table(reading: &Connection<'_>, writing: &Connection<'_>, table: &Table) -> Result<(), StoreError> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    let (name, names, places) = (table.name, names.join(", "), places.join(", "));
    let insert = format!("INSERT INTO {name} ({names}) VALUES ({places})");
    let which = if name == "settings" { "WHERE name NOT IN ('store-id', 'master-key-check')" } else { "" };
    reading.visit(&format!("SELECT {names} FROM {name} {which}"), &[], |row| {
        let values = table.columns.iter().enumerate().map(|(index, (_, absent))| {
            Ok(match row.column(index)? {
                Column::Null => *absent,
                Column::Integer(number) => Value::Integer(Some(number)),
                Column::Text(text) => Value::Text(Some(text)),
                Column::Bytes(bytes) => Value::Bytes(Some(bytes)),
            })
        });
        writing.execute(&insert, &values.collect::<Result<Vec<_>, StoreError>>()?)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// The master key, under which the catalogue's secrets are sealed, and the audit log go along.
fn copy_own_files(from: &Path, to: &Path) -> Result<(), OpenError> {
    for name in [MASTER_KEY, AUDIT_LOG] {
        let (from, to) = (from.join(name), to.join(name));
        if from.exists() {
            let copied = fs::copy(&from, &to).and_then(|_| File::open(&to)?.sync_all());
            copied.map_err(OpenError::file(&from))?;
        }
    }
    folder::sync_folder(to).map_err(OpenError::file(to))
}
