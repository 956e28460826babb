//! How fast this machine reads memory: the bound below which no scan can go.

use std::time::Instant;

/// Bytes that each thread reads in one pass, far more than the caches hold.
const BUFFER: usize = 256 << 20;

/// Passes, of which the fastest counts: a neighbour can only slow one down.
const PASSES: usize = 15;

/// Read bandwidth of so many threads together, in bytes per second.
pub(crate) fn read_bandwidth(threads: usize) -> f64 {
    let words = BUFFER / size_of::<u64>();
    let buffers: Vec<Vec<u64>> = (0..threads as u64).map(|thread| vec![thread + 1; words]).collect();
    let passes = (0..PASSES).map(|_| pass_seconds(&buffers));
    (threads * BUFFER) as f64 / passes.fold(f64::INFINITY, f64::min)
}

fn pass_seconds(buffers: &[Vec<u64>]) -> f64 {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for buffer in buffers {
            scope.spawn(|| std::hint::black_box(sum(buffer)));
        }
    });
    started.elapsed().as_secs_f64()
}

/// Several independent sums, so that the additions never wait for each other.
fn sum(words: &[u64]) -> u64 {
    let mut sums = [0_u64; 16];
    for chunk in words.chunks_exact(16) {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |total, sum| total.wrapping_add(*sum))
}
