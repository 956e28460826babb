//! What the machine needs for the two things that no engine can leave out: writing an answer, and adding a piece to a sum
//! that lies anywhere in a table.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;

/// Bytes that are written in one pass: about a long answer.
const WRITTEN: usize = 64 << 20;
/// Updates of one pass.
const UPDATES: usize = 4 << 20;
/// Passes, of which the fastest counts: a neighbour can only slow one down.
const PASSES: usize = 15;

/// A sum as narrow as one can be that keeps count, sums, least and greatest of two amounts.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Sum {
    greatest: [i32; 4],
    sums: [u64; 2],
}

/// Figures of one thread.
#[expect(clippy::struct_field_names, reason = "every figure says its unit")]
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Bounds {
    /// Rows of 32 bytes written one after another, to memory that is there already, in bytes per second.
    write_bytes_per_second: f64,
    /// The same to memory that the system has to clear first.
    fresh_write_bytes_per_second: f64,
    /// Additions of a piece to one of 500, 11,000 and 500,000 sums at random: a table in the first-level cache, in the
    /// second-level one, and beyond; each per second.
    updates_per_second: [f64; 3],
}

/// Measures all of them.
pub(crate) fn measure() -> Bounds {
    let mut kept = vec![[1_u64; 4]; WRITTEN / 32];
    let kept_seconds = fastest(|| write(black_box(&mut kept)));
    let fresh_seconds = fastest(|| {
        let mut rows = Vec::with_capacity(WRITTEN / 32);
        rows.extend((0..(WRITTEN / 32) as u64).map(|number| [number; 4]));
        black_box(rows);
    });
    Bounds {
        write_bytes_per_second: WRITTEN as f64 / kept_seconds,
        fresh_write_bytes_per_second: WRITTEN as f64 / fresh_seconds,
        updates_per_second: [500, 11_000, 500_000].map(updates_per_second),
    }
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
