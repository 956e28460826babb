//! Formats of one record a line: reads lines within a bound and hands each to the format's parser.

use std::io::{self, BufRead, Read};

use crate::entry::{Entry, FieldProblem, ReadError};
use crate::limits::LINE_BYTES_MAX;

/// Turns one line into at most one entry.
pub(crate) trait LineParser {
    /// `None` for a line that holds no record, such as a comment.
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError>;
}

/// The entries of a text, in constant memory. At the end of a text that grows they are asked again, and go on where they were.
pub(crate) struct LineEntries<R, P> {
    reader: R,
    parser: P,
    line: u64,
    buffer: Vec<u8>,
}

enum LineRead {
    End,
    Whole,
    TooLong,
}

impl<R: BufRead, P: LineParser> LineEntries<R, P> {
    pub(crate) fn new(reader: R, parser: P) -> Self {
        Self { reader, parser, line: 0, buffer: Vec::new() }
    }

    /// The parser, for what it has gathered.
    pub(crate) const fn parser(&self) -> &P {
        &self.parser
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            let read = self.read_line()?;
            if matches!(read, LineRead::End) {
                return Ok(None);
            }
            self.line += 1;
            let entry = match read {
                LineRead::End => None,
                LineRead::TooLong => Some(self.too_long()),
                LineRead::Whole => self.parse()?,
            };
            if entry.is_some() {
                return Ok(entry);
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Entry>, ReadError> {
        let Ok(text) = std::str::from_utf8(&self.buffer) else {
            let problem =
                FieldProblem::row(&String::from_utf8_lossy(&self.buffer), "the line is not UTF-8 text");
            return Ok(Some(Entry::Rejected(problem.at(self.line))));
        };
        self.parser.parse_line(self.line, text.trim_end_matches(['\r', '\n']))
    }

    fn too_long(&self) -> Entry {
        let message = format!("the line is longer than {LINE_BYTES_MAX} bytes");
        Entry::Rejected(
            FieldProblem::row(&String::from_utf8_lossy(&self.buffer[..200]), message).at(self.line),
        )
    }

    fn read_line(&mut self) -> io::Result<LineRead> {
        self.buffer.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let length = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer)?;
        if length == 0 {
            return Ok(LineRead::End);
        }
        if length <= LINE_BYTES_MAX || self.buffer.ends_with(b"\n") {
            return Ok(LineRead::Whole);
        }
        self.skip_rest_of_line()?;
        Ok(LineRead::TooLong)
    }

    fn skip_rest_of_line(&mut self) -> io::Result<()> {
        loop {
            let available = self.reader.fill_buf()?;
            let (length, found) = match available.iter().position(|byte| *byte == b'\n') {
                Some(position) => (position + 1, true),
                None => (available.len(), available.is_empty()),
            };
            self.reader.consume(length);
            if found {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead, P: LineParser> Iterator for LineEntries<R, P> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::SkipReason;

    struct Comments;

    impl LineParser for Comments {
        fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
            Ok((!text.starts_with('#')).then_some(Entry::Skipped { line, reason: SkipReason::JobStep }))
        }
    }

    fn lines(bytes: &[u8]) -> Vec<(u64, bool)> {
        let entries = LineEntries::new(io::BufReader::with_capacity(7, bytes), Comments);
        let described = entries.map(|entry| match entry.unwrap() {
            Entry::Skipped { line, .. } => (line, true),
            Entry::Rejected(reject) => (reject.line, false),
            Entry::Submission { .. } => unreachable!("the parser makes none"),
        });
        described.collect()
    }

    #[test]
    fn lines_are_numbered_from_one_and_the_last_needs_no_end() {
        assert_eq!(lines(b"a\n# b\r\n\nd"), [(1, true), (3, true), (4, true)]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_that_is_not_utf8_is_refused_and_reading_goes_on() {
        assert_eq!(lines(b"\xff\nb\n"), [(1, false), (2, true)]);
    }

    #[test]
    fn a_line_beyond_the_bound_is_refused_and_reading_goes_on() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX + 1];
        bytes.extend(b"yyy\nnext\n");
        assert_eq!(lines(&bytes), [(1, false), (2, true)]);
        let mut longest = vec![b'x'; LINE_BYTES_MAX];
        longest.extend(b"\nnext");
        assert_eq!(lines(&longest), [(1, true), (2, true)]);
    }
}
