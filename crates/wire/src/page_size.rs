//! How many rows or resources a page may hold.

use std::fmt;

/// The wire's `maxResults`: 1 to 100, and 100 when it is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u8);

/// A page size that the service model does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSizeOutOfRange {
    /// The size that was asked for.
    pub value: u32,
}

impl PageSize {
    /// The largest page, and the one that a caller gets who names none.
    pub const MAX: Self = Self(100);

    /// A page of 1 to 100.
    pub fn new(value: u32) -> Result<Self, PageSizeOutOfRange> {
        match u8::try_from(value) {
            Ok(size @ 1..) if size <= Self::MAX.0 => Ok(Self(size)),
            _ => Err(PageSizeOutOfRange { value }),
        }
    }

    /// Rows or resources.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Display for PageSizeOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is given; 1 to {} are allowed", self.value, PageSize::MAX.0)
    }
}

impl std::error::Error for PageSizeOutOfRange {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_1_to_100() {
        assert_eq!(PageSize::new(1).map(PageSize::get), Ok(1));
        assert_eq!(PageSize::new(100).map(PageSize::get), Ok(100));
        for value in [0, 101, 256, 257, u32::MAX] {
            assert_eq!(PageSize::new(value), Err(PageSizeOutOfRange { value }));
        }
        assert_eq!(PageSize::default().get(), 100);
    }
}
