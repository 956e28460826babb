//! The rows that the sessions of one block are added to, by the block's own keys and buckets: one look for each session, where
//! the farm's tables of groups and rows would take three that wait for each other.

/// Entries up to which there is a table: 256 KiB. A block of a large farm has few days and few groups.
const ENTRIES_MAX: u64 = 1 << 16;

/// A row that was not looked for yet.
const UNKNOWN: u32 = u32::MAX;

/// The numbers of rows, where they were looked for.
#[derive(Debug, Default)]
pub(crate) struct RowTable {
    /// By key and bucket; empty where there would be too many.
    numbers: Vec<u32>,
    first_bucket: u32,
    buckets: u64,
}

impl RowTable {
    /// Begins a block with so many keys, and with the first and the last of its buckets, if it has any.
    pub(crate) fn begin(&mut self, keys: u64, buckets: Option<(u32, u32)>) {
        self.numbers.clear();
        let Some((first, last)) = buckets else { return };
        (self.first_bucket, self.buckets) = (first, u64::from(last - first) + 1);
        let entries = keys.checked_mul(self.buckets).filter(|entries| *entries <= ENTRIES_MAX);
        self.numbers.resize(entries.and_then(|entries| usize::try_from(entries).ok()).unwrap_or(0), UNKNOWN);
    }

    /// The row of a key and a bucket, if it is known.
    #[inline]
    pub(crate) fn get(&self, key: u64, bucket: u32) -> Option<u32> {
        self.numbers.get(self.place(key, bucket)).copied().filter(|number| *number != UNKNOWN)
    }

    /// Remembers the row of a key and a bucket, if there is room.
    pub(crate) fn set(&mut self, key: u64, bucket: u32, number: u32) {
        let place = self.place(key, bucket);
        if let Some(entry) = self.numbers.get_mut(place) {
            *entry = number;
        }
    }

    #[inline]
    fn place(&self, key: u64, bucket: u32) -> usize {
        let place =
            key.wrapping_mul(self.buckets).wrapping_add(u64::from(bucket.wrapping_sub(self.first_bucket)));
        usize::try_from(place).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_under_its_key_and_bucket_and_nowhere_else() {
        let mut table = RowTable::default();
        table.begin(3, Some((10, 13)));
        table.set(2, 11, 7);
        for (key, bucket) in (0..3).flat_map(|key| (10..14).map(move |bucket| (key, bucket))) {
            assert_eq!(table.get(key, bucket), ((key, bucket) == (2, 11)).then_some(7), "{key} {bucket}");
        }
        table.begin(3, Some((10, 13)));
        assert_eq!(table.get(2, 11), None);
    }

    #[test]
    fn too_many_rows_and_no_bucket_are_no_table() {
        let mut table = RowTable::default();
        for (keys, buckets) in [(ENTRIES_MAX, Some((0, 1))), (u64::MAX, Some((0, 9))), (1, None)] {
            table.begin(keys, buckets);
            table.set(0, 0, 7);
            assert_eq!(table.get(0, 0), None);
        }
        table.begin(ENTRIES_MAX, Some((5, 5)));
        table.set(ENTRIES_MAX - 1, 5, 7);
        assert_eq!(table.get(ENTRIES_MAX - 1, 5), Some(7));
    }
}
