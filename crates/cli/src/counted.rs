//! Numbers of things, in words.

/// `1 record`, `2 records`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_is_no_plural() {
        assert_eq!(
            (counted(1, "record"), counted(0, "record")),
            ("1 record".to_owned(), "0 records".to_owned())
        );
    }
}
