//! The sealed part of a farm: Parquet segments that never change, the manifest that names them, and the keys of their ids.
//!
//! The Parquet files are the truth. Everything else about them (keys, column images) is derived from them, verified before
//! it is used, and made anew when it is missing.

mod blocks;
mod column_chunk;
mod column_encoding;
mod columns;
mod derived;
mod dictionaries;
mod files;
mod holds;
mod keys;
mod manifest;
mod mapping;
mod month;
mod segment_outline;
mod segment_reader;
mod segment_rows;
mod segment_schema;
mod segment_writer;
mod wide_keys;

pub(crate) use columns::{
    CodedSegments, NewBlocks, SealedColumns, open_columns, verify_columns, verify_overlapping,
};
pub(crate) use dictionaries::{NewValues, StoredDictionaries};
pub(crate) use files::{FarmFiles, SESSIONS, remove_derived, remove_file};
pub use holds::HeldFiles;
pub(crate) use keys::{Candidate, KeyEntry, KeyFile, Keys, OpenedKeys, key_of, merge_keys, write_keys};
pub(crate) use manifest::{LoadedManifest, Manifest, ManifestChange, Removal, Root, Segment};
pub(crate) use month::Month;
pub(crate) use segment_outline::SegmentOutline;
pub(crate) use segment_reader::{Sought, check_file, read_records, read_rows, verified_bytes};
pub(crate) use segment_rows::{SegmentNames, ended_nanos};
pub(crate) use segment_writer::{NewSegment, WrittenSegment, write_segment};
