//! The kernels for x86-64 processors with AVX2, and the instructions for bits that came with it. Whoever calls them has made sure that the processor is one.

mod costs;
mod cut;
mod lists;
mod one_key;
mod rows;
mod sift;
mod sorted;
mod sums;
mod vector;

pub(super) use cut::cut;
pub(super) use lists::{fetch, fetch_end, for_each_run};
pub(super) use one_key::sum_one_key;
pub(super) use rows::{pack, pack_ordered};
pub(super) use sift::sift;
pub(super) use sorted::fold_sorted;
pub(super) use sums::{add_ranked, add_to_ring, add_to_sums, count_ranks, key_span, note_filled};

/// The half-hour of each instant.
#[cfg(test)]
#[target_feature(enable = "avx2")]
pub(super) fn half_hours(instants_ms: [u32; 8]) -> [u32; 8] {
    bytemuck::must_cast(vector::slots_of(bytemuck::must_cast(instants_ms)))
}
