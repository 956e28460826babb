//! A farm's columns in a file, so that a farm of 100 million sessions is drawn once and not for every run.
//!
//! The file is a line of JSON with the dictionaries and the lengths of the blocks, padded with spaces to a multiple of 64
//! bytes, then the images of the blocks, padded likewise. It is written by the program that reads it, and no format.

use std::fs::File;
use std::io::{BufWriter, Error, Read, Result, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use farmtally_columns::{FarmColumns, FarmDictionaries, JobEntry, RestoredBlock, SessionBlock};
use farmtally_model::{FleetId, InstanceType, JobId, JobName, LicenseProduct, QueueId, UserId, WorkerId};
use serde::{Deserialize, Serialize};

const ALIGNMENT: usize = 64;

/// Everything but the blocks.
#[derive(Debug, Serialize, Deserialize)]
struct Outline {
    queues: Vec<[u8; 16]>,
    fleets: Vec<[u8; 16]>,
    jobs: Vec<([u8; 16], String, u64, i64)>,
    users: Vec<String>,
    instance_types: Vec<Option<String>>,
    products: Vec<String>,
    workers: Vec<Option<[u8; 16]>>,
    blocks: Vec<usize>,
}

/// Writes sealed columns.
pub(crate) fn write(columns: &FarmColumns, file: &Path) -> Result<()> {
    let (snapshot, dictionaries) = (columns.snapshot(), columns.dictionaries());
    let images: Vec<&[u8]> = snapshot.blocks().iter().map(|view| view.block().image()).collect();
    let outline = Outline {
        queues: dictionaries.queues.iter().map(|id| id.bytes()).collect(),
        fleets: dictionaries.fleets.iter().map(|id| id.bytes()).collect(),
        jobs: dictionaries.jobs.iter().map(job).collect(),
        users: dictionaries.users.iter().map(|user| user.as_str().to_owned()).collect(),
        instance_types: dictionaries
            .instance_types
            .iter()
            .map(|name| Some(name.as_ref()?.as_str().to_owned()))
            .collect(),
        products: dictionaries.products.iter().map(|product| product.as_str().to_owned()).collect(),
        workers: dictionaries.workers.iter().map(|worker| worker.map(WorkerId::bytes)).collect(),
        blocks: images.iter().map(|image| image.len()).collect(),
    };
    let mut output = BufWriter::new(File::create(file)?);
    let mut line = serde_json::to_vec(&outline)?;
    line.resize((line.len() + 1).next_multiple_of(ALIGNMENT) - 1, b' ');
    line.push(b'\n');
    output.write_all(&line)?;
    for image in images {
        output.write_all(image)?;
        output.write_all(&[0; ALIGNMENT][..image.len().next_multiple_of(ALIGNMENT) - image.len()])?;
    }
    output.flush()
}

fn job(entry: &JobEntry) -> ([u8; 16], String, u64, i64) {
    (entry.job_id.bytes(), entry.name.as_str().to_owned(), entry.sessions, entry.latest_start_ms)
}

/// Bytes of a whole file, of which a block is a part.
struct Part {
    words: Arc<Vec<u64>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[self.range.clone()]
    }
}

/// Reads columns back.
pub(crate) fn read(file: &Path) -> Result<FarmColumns> {
    let length = usize::try_from(file.metadata()?.len()).map_err(Error::other)?;
    let mut words = vec![0_u64; length.div_ceil(8)];
    File::open(file)?.read_exact(&mut bytemuck::cast_slice_mut(&mut words)[..length])?;
    let words = Arc::new(words);
    let bytes: &[u8] = bytemuck::cast_slice(&words);
    let line = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| Error::other("no outline"))?;
    let outline: Outline = serde_json::from_slice(&bytes[..line])?;
    let mut from = line + 1;
    let blocks = outline.blocks.iter().map(|length| {
        let part = Part { words: Arc::clone(&words), range: from..from + length };
        from += length.next_multiple_of(ALIGNMENT);
        let block = SessionBlock::from_image(Arc::new(part)).map_err(Error::other)?;
        // Checksums are compared once in the life of a process; no question is to be charged with that.
        block.check_outline().and_then(|()| block.check_columns()).map_err(Error::other)?;
        Ok(RestoredBlock { block, removed: Vec::new() })
    });
    let blocks = blocks.collect::<Result<Vec<_>>>()?;
    FarmColumns::restore(dictionaries(outline), blocks).map_err(Error::other)
}

fn dictionaries(outline: Outline) -> FarmDictionaries {
    let job = |(job_id, name, sessions, latest_start_ms): ([u8; 16], String, u64, i64)| JobEntry {
        job_id: JobId::from_bytes(job_id),
        name: JobName::new(&name).expect("it was read from one"),
        sessions,
        latest_start_ms,
        is_latest_known: true,
    };
    let instance_type = |name: Option<String>| name.map(|name| InstanceType::new(&name).expect("as above"));
    FarmDictionaries {
        queues: outline.queues.into_iter().map(QueueId::from_bytes).collect(),
        fleets: outline.fleets.into_iter().map(FleetId::from_bytes).collect(),
        jobs: outline.jobs.into_iter().map(job).collect(),
        users: outline.users.iter().map(|name| UserId::new(name).expect("as above")).collect(),
        instance_types: outline.instance_types.into_iter().map(instance_type).collect(),
        products: outline.products.iter().map(|name| LicenseProduct::new(name).expect("as above")).collect(),
        workers: outline.workers.into_iter().map(|worker| worker.map(WorkerId::from_bytes)).collect(),
    }
}
