//! The inner loops: rows that lie in one bucket are added to that bucket's array of accumulators.
//!
//! Rows are taken in chunks. One pass makes group indexes out of the key columns, a second one adds. Both are plain loops
//! over slices of one length; a chunk stays in the first-level cache.

use std::ops::Range;

use farmtally_columns::LicenseLine;

use crate::groups::NarrowAccumulator;

/// Rows of a chunk.
const CHUNK: usize = 512;

/// A key column, and what one unit of its codes adds to an index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyColumn<'a> {
    codes: Codes<'a>,
    stride: u64,
}

#[derive(Debug, Clone, Copy)]
enum Codes<'a> {
    Bytes(&'a [u8]),
    Halves(&'a [u16]),
    Words(&'a [u32]),
}

impl<'a> KeyColumn<'a> {
    pub(crate) fn bytes(codes: &'a [u8], stride: u64) -> Self {
        Self { codes: Codes::Bytes(codes), stride }
    }

    pub(crate) fn halves(codes: &'a [u16], stride: u64) -> Self {
        Self { codes: Codes::Halves(codes), stride }
    }

    pub(crate) fn words(codes: &'a [u32], stride: u64) -> Self {
        Self { codes: Codes::Words(codes), stride }
    }

    /// What the code of a row adds to the row's index.
    pub(crate) fn share_of(&self, row: usize) -> u64 {
        let code = match self.codes {
            Codes::Bytes(codes) => u64::from(codes[row]),
            Codes::Halves(codes) => u64::from(codes[row]),
            Codes::Words(codes) => u64::from(codes[row]),
        };
        code * self.stride
    }

    /// Adds the codes of some rows to the indexes of these rows.
    fn add_to(self, rows: Range<usize>, indexes: &mut [u32]) {
        let stride = narrow(self.stride);
        match self.codes {
            Codes::Bytes(codes) => add_codes(&codes[rows], stride, indexes),
            Codes::Halves(codes) => add_codes(&codes[rows], stride, indexes),
            Codes::Words(codes) => add_codes(&codes[rows], stride, indexes),
        }
    }
}

/// An index or stride inside one bucket's array, which is far smaller than 2^32.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn add_codes<T: Copy + Into<u32>>(codes: &[T], stride: u32, indexes: &mut [u32]) {
    for (index, code) in indexes.iter_mut().zip(codes) {
        *index += (*code).into() * stride;
    }
}

/// Rows that lie in one bucket.
#[derive(Debug, Clone)]
pub(crate) struct Inside<'a> {
    pub(crate) rows: Range<usize>,
    pub(crate) runtime_ms: &'a [u32],
    /// What differs from row to row in their groups.
    pub(crate) columns: [Option<KeyColumn<'a>>; 2],
}

impl Inside<'_> {
    /// Adds each row once; `shared` is the part of the index that all rows have, `cost` the cost of a row.
    pub(crate) fn add(
        &self,
        accumulators: &mut [NarrowAccumulator],
        shared: u64,
        cost: impl Fn(usize) -> u64,
    ) {
        if self.columns.iter().all(Option::is_none) {
            return self.add_to_one(&mut accumulators[narrow(shared) as usize], cost);
        }
        self.for_each_chunk(shared, |rows, indexes| {
            for ((row, index), runtime_ms) in rows.clone().zip(indexes).zip(&self.runtime_ms[rows]) {
                accumulators[*index as usize].add(cost(row), u64::from(*runtime_ms));
            }
        });
    }

    /// Adds each licence line of each row once.
    pub(crate) fn add_lines<'l>(
        &self,
        accumulators: &mut [NarrowAccumulator],
        shared: u64,
        product_stride: u64,
        lines: impl Fn(usize) -> &'l [LicenseLine],
    ) {
        let product_stride = narrow(product_stride);
        self.for_each_chunk(shared, |rows, indexes| {
            for ((row, index), runtime_ms) in rows.clone().zip(indexes).zip(&self.runtime_ms[rows]) {
                for line in lines(row) {
                    let index = index + line.product * product_stride;
                    accumulators[index as usize].add(line.cost_nanos, u64::from(*runtime_ms));
                }
            }
        });
    }

    /// All rows belong to one group: nothing is stored until the end.
    fn add_to_one(&self, accumulator: &mut NarrowAccumulator, cost: impl Fn(usize) -> u64) {
        let mut sum = NarrowAccumulator::EMPTY;
        for (row, runtime_ms) in self.rows.clone().zip(&self.runtime_ms[self.rows.clone()]) {
            sum.add(cost(row), u64::from(*runtime_ms));
        }
        accumulator.merge(&sum);
    }

    fn for_each_chunk(&self, shared: u64, mut add: impl FnMut(Range<usize>, &[u32])) {
        let mut indexes = [0_u32; CHUNK];
        for from in self.rows.clone().step_by(CHUNK) {
            let rows = from..self.rows.end.min(from + CHUNK);
            let indexes = &mut indexes[..rows.len()];
            indexes.fill(narrow(shared));
            for column in self.columns.iter().flatten() {
                column.add_to(rows.clone(), indexes);
            }
            add(rows, indexes);
        }
    }
}
