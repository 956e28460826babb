//! Texts that a source repeats, each checked and kept once.

use farmtally_model::DisplayName;
use hashbrown::HashMap;

/// A value that only the long way, which knows the words of a refusal, can deal with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unusual;

/// What the short ways from typed columns and plain lines to sessions make of a value.
pub(crate) type Usual<T> = Result<T, Unusual>;

/// Most texts that are remembered: what repeats less than this is not worth more memory.
const TEXTS_MAX: usize = 1 << 16;

/// Places in memory that are remembered, a power of two.
const PLACES: usize = 1 << 11;

/// What the texts of a column were read as.
///
/// Texts of one batch that lie at one place in memory are one text, because a batch keeps its bytes for as long as it is
/// there: values of a dictionary do. So most texts are told by where they are.
#[derive(Debug)]
pub(crate) struct Known<T> {
    by_text: HashMap<Box<[u8]>, u32>,
    values: Vec<T>,
    places: Vec<Place>,
    batch: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Of which batch it is; the first has the number 1.
    batch: u64,
    address: usize,
    length: usize,
    value: u32,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { by_text: HashMap::new(), values: Vec::new(), places: Vec::new(), batch: 0 }
    }
}

impl<T> Known<T> {
    /// The bytes that come from now on are those of another batch.
    pub(crate) fn begin_batch(&mut self) {
        self.batch += 1;
        if self.values.len() > TEXTS_MAX {
            self.by_text.clear();
            self.values.clear();
        }
        if self.places.is_empty() {
            self.places = vec![Place::default(); PLACES];
        }
    }

    /// What a text of the batch is; `read` says it of one that was not met yet, and may say that it is nothing we know.
    fn get(&mut self, text: &[u8], read: impl FnOnce(&str) -> Option<T>) -> Option<&T> {
        let (address, length) = (text.as_ptr().addr(), text.len());
        let slot = slot(address);
        let place = self.places.get(slot).copied().unwrap_or_default();
        let is_here = place.batch == self.batch && place.address == address && place.length == length;
        let value = if is_here { place.value } else { self.find(text, read)? };
        if let (false, Some(place)) = (is_here, self.places.get_mut(slot)) {
            *place = Place { batch: self.batch, address, length, value };
        }
        self.values.get(value as usize)
    }

    /// The same of a text that may lie anywhere.
    fn get_anywhere(&mut self, text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<&T> {
        if self.values.len() > TEXTS_MAX {
            self.by_text.clear();
            self.values.clear();
        }
        let value = self.find(text.as_bytes(), read)?;
        self.values.get(value as usize)
    }

    fn find(&mut self, text: &[u8], read: impl FnOnce(&str) -> Option<T>) -> Option<u32> {
        if let Some(value) = self.by_text.get(text) {
            return Some(*value);
        }
        let value = read(std::str::from_utf8(text).ok()?)?;
        let index = u32::try_from(self.values.len()).ok()?;
        self.values.push(value);
        self.by_text.insert(text.into(), index);
        Some(index)
    }
}

impl<T: Clone> Known<T> {
    /// What a text of the batch is, if there is one.
    pub(crate) fn in_batch(
        &mut self,
        text: Option<&[u8]>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Usual<Option<T>> {
        text.map(|text| self.get(text, read).cloned().ok_or(Unusual)).transpose()
    }

    /// What a text is that may lie anywhere, if there is one.
    pub(crate) fn anywhere(
        &mut self,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Usual<Option<T>> {
        text.map(|text| self.get_anywhere(text, read).cloned().ok_or(Unusual)).transpose()
    }
}

/// Reads a name, and the id that it stands for.
pub(crate) fn named<I>(id_for_name: impl Fn(&str) -> I) -> impl Fn(&str) -> Option<(DisplayName, I)> {
    move |name| Some((DisplayName::new(name).ok()?, id_for_name(name)))
}

/// The id that was given, or else that of the name, and the name.
pub(crate) fn by_id_or_name<I>(
    id: Option<I>,
    named: Option<(DisplayName, I)>,
) -> Usual<(I, Option<DisplayName>)> {
    let (name, id_of_name) = named.unzip();
    Ok((id.or(id_of_name).ok_or(Unusual)?, name))
}

/// The upper bits of a product, which depend on all of the address.
fn slot(address: usize) -> usize {
    let mixed = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (u64::BITS - PLACES.trailing_zeros())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<u32> {
        text.parse().ok()
    }

    #[test]
    fn a_text_is_read_once_wherever_it_lies() {
        let mut known = Known::default();
        known.begin_batch();
        let (one, other) = (b"17".to_vec(), b"17".to_vec());
        assert_eq!(known.get(&one, number), Some(&17));
        let never = |_: &str| -> Option<u32> { panic!("it is known") };
        assert_eq!(known.get(&one, never), Some(&17));
        assert_eq!(known.get(&other, never), Some(&17));
        assert_eq!(known.get(b"x", number), None);
        assert_eq!(known.get(b"\xff", number), None);
    }

    #[test]
    fn the_same_place_in_another_batch_is_another_text() {
        let mut known = Known::default();
        let mut bytes = *b"17";
        known.begin_batch();
        assert_eq!(known.get(&bytes, number), Some(&17));
        bytes = *b"18";
        known.begin_batch();
        assert_eq!(known.get(&bytes, number), Some(&18));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut known = Known::default();
        let texts: Vec<String> = (0..3 * TEXTS_MAX).map(|value| value.to_string()).collect();
        for (value, text) in (0..).zip(&texts) {
            if value % 1000 == 0 {
                known.begin_batch();
            }
            assert_eq!(known.get(text.as_bytes(), number), Some(&value));
            assert_eq!(known.anywhere(Some(text), number), Ok(Some(value)));
        }
        assert!(known.values.len() <= TEXTS_MAX + 1000);
    }
}
