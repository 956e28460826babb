//! What the lists have in common: pages that end before the first resource that did not fit.

/// Resources to read for a page of so many: one more tells whether another page follows.
pub(super) fn limit(page_size: usize) -> usize {
    page_size.saturating_add(1)
}

/// Cuts what was read to the page, and gives the id of its last resource if more follow.
pub(super) fn cut<T, I>(resources: &mut Vec<T>, page_size: usize, id: impl Fn(&T) -> I) -> Option<I> {
    let is_last_page = resources.len() <= page_size;
    resources.truncate(page_size);
    if is_last_page { None } else { resources.last().map(id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_follow_only_when_one_more_was_read() {
        for (read, kept, more_after) in [(0, 0, None), (2, 2, None), (3, 2, Some(1))] {
            let mut resources: Vec<u32> = (0..read).collect();
            assert_eq!(cut(&mut resources, 2, |id| *id), more_after, "{read}");
            assert_eq!(resources.len(), kept, "{read}");
        }
    }
}
