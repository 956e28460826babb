//! Rows, numbered as they are met, and found again by slot and bucket without hashing.
//!
//! Each slot has pages for stretches of buckets. A page is made when something lies in it, because a job that ran on two
//! days of a year needs no room for the others.

const NONE: u32 = u32::MAX;

/// Buckets of a page, as powers of two: few where there are few buckets.
const BITS_SMALL: u32 = 3;
const BITS_LARGE: u32 = 6;
const BUCKETS_FEW: usize = 512;

/// The numbers of the rows.
#[derive(Debug)]
pub(crate) struct RowNumbers {
    bits: u32,
    pages_per_slot: usize,
    /// The page of each slot and stretch of buckets.
    pages: Vec<u32>,
    /// The row of each bucket of a page.
    numbers: Vec<u32>,
    /// Slot and bucket of each row.
    rows: Vec<(u32, u32)>,
}

impl RowNumbers {
    pub(crate) fn new(buckets: usize) -> Self {
        let bits = match buckets {
            1 => 0,
            2..=BUCKETS_FEW => BITS_SMALL,
            _ => BITS_LARGE,
        };
        let pages_per_slot = buckets.div_ceil(1 << bits);
        Self { bits, pages_per_slot, pages: Vec::new(), numbers: Vec::new(), rows: Vec::new() }
    }

    /// The row of a slot and a bucket.
    #[inline]
    pub(crate) fn number(&mut self, slot: u32, bucket: u32) -> u32 {
        let place = slot as usize * self.pages_per_slot + (bucket >> self.bits) as usize;
        let page = self.pages.get(place).copied().unwrap_or(NONE);
        if page != NONE {
            let number = self.numbers[self.in_page(page, bucket)];
            if number != NONE {
                return number;
            }
        }
        self.begin_row(slot, bucket, place)
    }

    /// Whether there is a row of a slot and a bucket.
    pub(crate) fn has(&self, slot: u32, bucket: u32) -> bool {
        let place = slot as usize * self.pages_per_slot + (bucket >> self.bits) as usize;
        let page = self.pages.get(place).copied().unwrap_or(NONE);
        page != NONE && self.numbers[self.in_page(page, bucket)] != NONE
    }

    fn in_page(&self, page: u32, bucket: u32) -> usize {
        ((page as usize) << self.bits) + (bucket as usize & ((1 << self.bits) - 1))
    }

    #[cold]
    fn begin_row(&mut self, slot: u32, bucket: u32, place: usize) -> u32 {
        if place >= self.pages.len() {
            self.pages.resize((slot as usize + 1) * self.pages_per_slot, NONE);
        }
        if self.pages[place] == NONE {
            self.pages[place] = u32::try_from(self.numbers.len() >> self.bits).unwrap_or(NONE);
            self.numbers.resize(self.numbers.len() + (1 << self.bits), NONE);
        }
        let number = u32::try_from(self.rows.len()).unwrap_or(NONE);
        let index = self.in_page(self.pages[place], bucket);
        self.numbers[index] = number;
        self.rows.push((slot, bucket));
        number
    }

    /// Slot and bucket of each row.
    pub(crate) fn rows(&self) -> &[(u32, u32)] {
        &self.rows
    }

    /// Memory that is held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        (self.pages.capacity() + self.numbers.capacity() + 2 * self.rows.capacity()) * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn rows_are_numbered_in_the_order_in_which_they_are_met(
            buckets in prop::sample::select(vec![1_usize, 2, 9, 512, 513, 2_000]),
            met in prop::collection::vec((0_u32..20, 0_u32..2_000), 0..100),
        ) {
            let mut numbers = RowNumbers::new(buckets);
            let mut expected = BTreeMap::new();
            for (slot, bucket) in met {
                let bucket = bucket % u32::try_from(buckets).unwrap();
                let next = u32::try_from(expected.len()).unwrap();
                let number = *expected.entry((slot, bucket)).or_insert(next);
                prop_assert_eq!(numbers.has(slot, bucket), number != next || next == 0 && numbers.has(slot, bucket));
                prop_assert_eq!(numbers.number(slot, bucket), number);
                prop_assert!(numbers.has(slot, bucket));
                prop_assert_eq!(numbers.rows()[number as usize], (slot, bucket));
            }
            prop_assert_eq!(numbers.rows().len(), expected.len());
        }
    }
}
