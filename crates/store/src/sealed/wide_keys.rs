//! Key files in their first form: keys, prints and places of 64 bits each.

use std::path::Path;

use crate::error::StoreError;
use crate::sealed::derived::Derived;
use crate::sealed::files::FarmFiles;
use crate::sealed::keys::{KeyEntry, covered_in};

/// The kind of these files among the derived files.
const KIND: u32 = 1;

const COVERED: usize = 0;
const KEYS: usize = 2;
const PRINTS: usize = 3;
const PLACES: usize = 4;

/// Bits that keys and prints had more than those of today.
const FURTHER_BITS: u32 = 16;

/// Segments that a file tells about, and its entries.
pub(super) type KeysOfSegments = (Vec<(u32, [u8; 16])>, Vec<KeyEntry>);

/// Reads such a file; `None` when it is none, or damaged.
pub(super) fn read(files: &FarmFiles, path: &Path) -> Result<Option<KeysOfSegments>, StoreError> {
    match Derived::open(files, path, KIND).and_then(|derived| entries(&derived)) {
        Ok(entries) => Ok(Some(entries)),
        Err(StoreError::DerivedDamaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a place is cut to its parts")]
fn entries(derived: &Derived) -> Result<KeysOfSegments, StoreError> {
    let numbers = |section| -> Result<Vec<u64>, StoreError> {
        let numbers = derived.section(section)?.chunks_exact(8);
        Ok(numbers.map(|number| number.try_into().map_or(0, u64::from_le_bytes)).collect())
    };
    let (keys, prints, places) = (numbers(KEYS)?, numbers(PRINTS)?, numbers(PLACES)?);
    if keys.len() != prints.len() || keys.len() != places.len() {
        return Err(derived.damaged("its columns differ in length"));
    }
    let entry = |((key, print), place): ((u64, u64), u64)| KeyEntry {
        key: key >> FURTHER_BITS,
        print: print >> FURTHER_BITS,
        segment: (place >> 32) as u32,
        row: place as u32 >> 8,
        revision: place as u32 & 0xff,
    };
    let entries = keys.into_iter().zip(prints).zip(places).map(entry).collect();
    Ok((covered_in(derived.section(COVERED)?), entries))
}
