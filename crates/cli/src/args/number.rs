//! Numbers as they are typed.

pub(super) fn parse_at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number >= 1)
        .ok_or_else(|| "it must be a whole number of at least 1".to_owned())
}
