//! What the machine needs for what cannot be left out: writing an answer, and adding a piece to a sum that lies anywhere in a table; and in a
//! server writing the answer's file, and syncing what was started and what is completed.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use serde::Serialize;

/// Bytes that are written in one pass: about a long answer.
const WRITTEN: usize = 64 << 20;
/// Updates of one pass.
const UPDATES: usize = 4 << 20;
/// Passes, of which the fastest counts: a neighbour can only slow one down.
const PASSES: usize = 15;
/// Bytes of the file of a long answer, and of what is written at once.
const FILE_BYTES: usize = 38 << 20;
const AT_ONCE: usize = 128 << 10;

/// A sum as narrow as one can be that keeps count, sums, least and greatest of two amounts.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Sum {
    greatest: [i32; 4],
    sums: [u64; 2],
}

/// Figures of one thread, but for the files.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Bounds {
    /// Rows of 32 bytes written one after another, to memory that is there already, in bytes per second.
    write_bytes_per_second: f64,
    /// The same to memory that the system has to clear first.
    fresh_write_bytes_per_second: f64,
    /// Additions of a piece to one of 500, 11,000 and 500,000 sums at random: a table in the first-level cache, in the
    /// second-level one, and beyond; each per second.
    updates_per_second: [f64; 3],
    /// 38 MiB written to two new files by two threads, as a server writes a long answer: least and median milliseconds.
    files_ms: [f64; 2],
    /// A page appended to a file and synced: least and median milliseconds.
    sync_ms: [f64; 2],
}

/// Measures all of them, with files in a folder.
fn measure(folder: &Path) -> io::Result<Bounds> {
    let mut kept = vec![[1_u64; 4]; WRITTEN / 32];
    let kept_seconds = fastest(|| write(black_box(&mut kept)));
    let fresh_seconds = fastest(|| {
        let mut rows = Vec::with_capacity(WRITTEN / 32);
        rows.extend((0..(WRITTEN / 32) as u64).map(|number| [number; 4]));
        black_box(rows);
    });
    Ok(Bounds {
        write_bytes_per_second: WRITTEN as f64 / kept_seconds,
        fresh_write_bytes_per_second: WRITTEN as f64 / fresh_seconds,
        updates_per_second: [500, 11_000, 500_000].map(updates_per_second),
        files_ms: least_and_median(|pass| write_files(folder, pass))?,
        sync_ms: sync_ms(folder)?,
    })
}

/// Files of earlier passes stay, as answers do for an hour.
fn write_files(folder: &Path, pass: usize) -> io::Result<()> {
    let piece = vec![7; AT_ONCE];
    let write_one = |name: &str| -> io::Result<()> {
        let mut file = File::create_new(folder.join(format!("{name}-{pass}")))?;
        (0..FILE_BYTES / AT_ONCE / 2).try_for_each(|_| file.write_all(&piece))
    };
    let (own, other) = thread::scope(|scope| {
        let other = scope.spawn(|| write_one("second"));
        (write_one("first"), other.join())
    });
    own?;
    other.map_err(|_| io::Error::other("a thread that wrote has died"))?
}

fn sync_ms(folder: &Path) -> io::Result<[f64; 2]> {
    let mut file = File::create_new(folder.join("synced"))?;
    least_and_median(|_| {
        file.write_all(&[7; 4096])?;
        file.sync_data()
    })
}

/// Least and median milliseconds of some passes.
fn least_and_median(mut pass: impl FnMut(usize) -> io::Result<()>) -> io::Result<[f64; 2]> {
    let mut passes_ms = Vec::with_capacity(PASSES);
    for number in 0..PASSES {
        let started = Instant::now();
        pass(number)?;
        passes_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    passes_ms.sort_by(f64::total_cmp);
    Ok([passes_ms[0], passes_ms[PASSES / 2]])
}

/// Measures in a new folder, which is removed afterwards.
pub(crate) fn measure_in_new(folder: &Path) -> io::Result<Bounds> {
    fs::create_dir(folder)?;
    let measured = measure(folder);
    fs::remove_dir_all(folder)?;
    measured
}

fn write(rows: &mut [[u64; 4]]) {
    for (number, row) in (0..).zip(rows) {
        *row = [number; 4];
    }
}

fn updates_per_second(sums: usize) -> f64 {
    let mut table = vec![Sum { greatest: [i32::MIN; 4], sums: [0; 2] }; sums];
    let mut random = crate::random::Random::new(7);
    let pieces: Vec<(u32, u32, u32)> = (0..UPDATES)
        .map(|_| (random.below(sums) as u32, random.next() as u32, random.next() as u32))
        .collect();
    UPDATES as f64 / fastest(|| update(black_box(&mut table), black_box(&pieces)))
}

fn update(table: &mut [Sum], pieces: &[(u32, u32, u32)]) {
    for (key, cost, runtime) in pieces {
        let sum = &mut table[*key as usize];
        let amounts = [*cost, *runtime, !cost, !runtime].map(u32::cast_signed);
        for (greatest, amount) in sum.greatest.iter_mut().zip(amounts) {
            *greatest = (*greatest).max(amount);
        }
        sum.sums[0] = sum.sums[0].wrapping_add(u64::from(*cost));
        sum.sums[1] = sum.sums[1].wrapping_add(u64::from(*runtime));
    }
}

/// Seconds of the fastest of some passes.
fn fastest(mut pass: impl FnMut()) -> f64 {
    let passes = (0..PASSES).map(|_| {
        let started = Instant::now();
        pass();
        started.elapsed().as_secs_f64()
    });
    passes.fold(f64::INFINITY, f64::min)
}
