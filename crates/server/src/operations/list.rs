//! What lists have in common: pages that end before the first resource that did not fit, and several things at once of
//! which some are not there.

use farmtally_service::ServiceError;
use farmtally_wire::Found;

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

/// Finds each of several things. One that is not there does not hinder the others; any other problem ends it all.
pub(super) fn find<K, T>(
    keys: Vec<K>,
    one: impl Fn(&K) -> Result<T, ServiceError>,
) -> Result<Vec<Found<K, T>>, ServiceError> {
    let find = |key: K| match one(&key) {
        Ok(value) => Ok(Found { key, found: Ok(value) }),
        Err(error @ ServiceError::NotFound(_)) => Ok(Found { key, found: Err(error.to_string()) }),
        Err(error) => Err(error),
    };
    keys.into_iter().map(find).collect()
}

/// One of several things that were looked for together, of which it was found, or that it is not there.
pub(super) fn found<K, T>(key: K, found: Result<T, ServiceError>) -> Found<K, T> {
    Found { key, found: found.map_err(|error| error.to_string()) }
}

/// What was found, as the wire shows it.
pub(super) fn shapes<'a, K: Copy, T, S>(
    all: &'a [Found<K, T>],
    shape: impl Fn(&K, &'a T) -> S,
) -> Vec<Found<K, S>> {
    let shapes = all.iter().map(|one| {
        let found = one.found.as_ref().map(|value| shape(&one.key, value)).map_err(Clone::clone);
        Found { key: one.key, found }
    });
    shapes.collect()
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
