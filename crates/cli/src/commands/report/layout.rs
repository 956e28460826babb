//! Columns of text that stand under each other, whatever script the names are in.

use std::fmt;

use unicode_width::UnicodeWidthStr;

/// Where the cells of a column begin or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Names begin at the left.
    Left,
    /// Figures end at the right.
    Right,
}

/// A table for people.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// What stands above each column, and on which side.
    pub(super) columns: Vec<(String, Side)>,
    pub(super) rows: Vec<Vec<String>>,
    /// What stands below the line.
    pub(super) total: Vec<String>,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut lines = vec![self.line(&names, &widths)];
        lines.extend(self.rows.iter().map(|row| self.line(row, &widths)));
        if !self.rows.is_empty() {
            let whole = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
            lines.push("─".repeat(whole));
        }
        lines.push(self.line(&self.total, &widths));
        f.write_str(&lines.join("\n"))
    }
}

impl Layout {
    fn widths(&self) -> Vec<usize> {
        let widest = |(index, (name, _)): (usize, &(String, Side))| {
            let cells = self.rows.iter().chain([&self.total]).filter_map(|row| row.get(index));
            cells.map(|cell| cell.width()).fold(name.width(), usize::max)
        };
        self.columns.iter().enumerate().map(widest).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, (cell, (_, side))) in cells.iter().zip(&self.columns).enumerate() {
            let padding = " ".repeat(widths[index].saturating_sub(cell.width()));
            let gap = if index > 0 { "  " } else { "" };
            let parts: [&str; 3] = match side {
                Side::Left => [gap, cell.as_str(), &padding],
                Side::Right => [gap, &padding, cell.as_str()],
            };
            line.extend(parts);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_places() {
        let row = |name: &str, figure: &str| vec![name.to_owned(), figure.to_owned()];
        let layout = Layout {
            columns: vec![("user".to_owned(), Side::Left), ("USD".to_owned(), Side::Right)],
            rows: vec![row("alice", "1.00"), row("日本", "20.00")],
            total: row("total", "21.00"),
        };
        let expected = "user     USD\nalice   1.00\n日本   20.00\n────────────\ntotal  21.00";
        assert_eq!(layout.to_string(), expected);
    }
}
