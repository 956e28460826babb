//! Mappings: read for an import, or drafted for a file that nobody has described yet.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;

use farmtally_ingest::{Format, Input, Mapping, draft_mapping};

use crate::output::print;
use crate::report_error::Failure;

/// Reads a mapping file.
pub(super) fn read(path: &Path) -> Result<Mapping, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::caused(format!("cannot read `{}`", path.display()), &error))?;
    Mapping::parse(&text).map_err(|error| {
        Failure::caused(format!("cannot use `{}`", path.display()), &error)
            .hint("`farmtally import --suggest-mapping FILE` drafts a mapping for a file")
    })
}

/// Prints a draft for a file.
pub(super) fn suggest(path: &Path) -> Result<(), Failure> {
    let unreadable =
        |error: &dyn std::error::Error| Failure::caused(format!("cannot read `{}`", path.display()), error);
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let format = Format::from_file_name(&path.to_string_lossy());
    let format = format.map_or_else(|| look(&mut file), Ok).map_err(|error| unreadable(&error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("table");
    let draft = draft_mapping(format, Input::File(file), stem).map_err(|error| unreadable(&error))?;
    print(draft.trim_end())
}

/// What a file without a telling name begins like.
fn look(file: &mut File) -> std::io::Result<Format> {
    let mut start = Vec::new();
    file.take(64).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(match start.trim_ascii_start() {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'{', ..] => Format::Jsonl,
        _ => Format::Csv,
    })
}
