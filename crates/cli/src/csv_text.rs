//! CSV lines by RFC 4180.

/// A line without its end. A cell that a spreadsheet would run as a formula is quoted like any other: what is written is
/// what was stored.
pub(crate) fn csv_line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",")
}

fn cell(text: &str) -> String {
    let needs_quotes = text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_is_quoted() {
        assert_eq!(csv_line(["a", "", "b,c", "d\"e", "f\ng"]), "a,,\"b,c\",\"d\"\"e\",\"f\ng\"");
    }
}
