//! A long JSON document whose one list is taken an object at a time, so that its length does not matter.
//!
//! Only the outer object and the list are followed by hand, by quotes and brackets alone; each object in the list is
//! then parsed by the ordinary parser.

use std::io::{self, BufRead};

use crate::entry::ReadError;

/// Longest object of a list, in bytes: a Slurm job with all its steps is long.
const OBJECT_BYTES_MAX: usize = 64 << 20;
/// Longest key of the outer object that is told from others.
const KEY_BYTES_MAX: usize = 64;

/// The objects in the lists of some keys of an outer object.
pub(crate) struct JsonObjects<R> {
    reader: R,
    /// The keys whose lists are wanted.
    keys: &'static [&'static str],
    line: u64,
    state: State,
    seen: bool,
}

/// Where in the document the reading is.
#[derive(Default)]
struct State {
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// The last text at the first depth, which is a key when a list follows.
    key: Vec<u8>,
    /// Place of the wanted key whose list is open.
    list: Option<usize>,
    object: Vec<u8>,
    object_line: u64,
}

/// An object of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonObject {
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// Place of the key whose list it is in.
    pub(crate) key: usize,
    pub(crate) bytes: Vec<u8>,
}

impl<R: BufRead> JsonObjects<R> {
    pub(crate) fn new(reader: R, keys: &'static [&'static str]) -> Self {
        Self { reader, keys, line: 1, state: State::default(), seen: false }
    }

    /// The next object of a wanted list; `None` at the end.
    pub(crate) fn next_object(&mut self) -> Result<Option<JsonObject>, ReadError> {
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return self.ended();
            }
            let mut used = 0;
            let mut found = None;
            for byte in bytes {
                used += 1;
                self.line += u64::from(*byte == b'\n');
                found = self.state.take(*byte, self.line, self.keys);
                self.seen |= self.state.list.is_some();
                if found.is_some() || self.state.object.len() > OBJECT_BYTES_MAX {
                    break;
                }
            }
            self.reader.consume(used);
            if self.state.object.len() > OBJECT_BYTES_MAX {
                let message = format!("an object of the list is longer than {OBJECT_BYTES_MAX} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message).into());
            }
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn ended(&self) -> Result<Option<JsonObject>, ReadError> {
        let wanted = self.keys.first().copied().unwrap_or_default();
        if self.state.depth > 0 || self.state.in_text {
            return Err(ReadError::header(format!(
                "the file ends in the middle of its JSON, in line {}",
                self.line
            )));
        }
        if !self.seen {
            return Err(ReadError::header(format!("it is no JSON object with a list {wanted:?}")));
        }
        Ok(None)
    }
}

/// The depth at which the objects of a list lie.
const LIST_DEPTH: usize = 2;

impl State {
    fn take(&mut self, byte: u8, line: u64, keys: &[&str]) -> Option<JsonObject> {
        if self.in_text {
            self.take_in_text(byte);
            return None;
        }
        let is_in_object = self.list.is_some() && self.depth > LIST_DEPTH;
        if is_in_object {
            self.object.push(byte);
        }
        match byte {
            b'"' => {
                self.in_text = true;
                if self.depth == 1 {
                    self.key.clear();
                }
            }
            b'{' | b'[' => self.open(byte, line, keys),
            b'}' | b']' => return self.close(),
            _ => {}
        }
        None
    }

    fn take_in_text(&mut self, byte: u8) {
        if self.depth > LIST_DEPTH && self.list.is_some() {
            self.object.push(byte);
        } else if self.depth == 1 && self.key.len() < KEY_BYTES_MAX && byte != b'"' {
            self.key.push(byte);
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_text = false,
            _ => {}
        }
    }

    fn open(&mut self, byte: u8, line: u64, keys: &[&str]) {
        if self.depth == 1 && byte == b'[' {
            self.list = keys.iter().position(|key| key.as_bytes() == self.key);
        }
        if self.depth == LIST_DEPTH && self.list.is_some() {
            self.object = vec![byte];
            self.object_line = line;
        }
        self.depth += 1;
    }

    fn close(&mut self) -> Option<JsonObject> {
        self.depth = self.depth.saturating_sub(1);
        let key = self.list?;
        if self.depth == LIST_DEPTH {
            let bytes = std::mem::take(&mut self.object);
            return Some(JsonObject { line: self.object_line, key, bytes });
        }
        if self.depth < LIST_DEPTH {
            self.list = None;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn objects(text: &str) -> Result<Vec<(u64, usize, String)>, String> {
        let mut objects = JsonObjects::new(BufReader::with_capacity(3, text.as_bytes()), &["jobs", "errors"]);
        let mut found = Vec::new();
        while let Some(JsonObject { line, key, bytes }) =
            objects.next_object().map_err(|error| error.to_string())?
        {
            found.push((line, key, String::from_utf8(bytes).unwrap()));
        }
        Ok(found)
    }

    #[test]
    fn the_objects_of_the_wanted_lists_come_one_by_one() {
        let text = "{\"meta\":{\"jobs\":[{\"no\":1}]},\n\"jobs\":[{\"a\":\"}]\\\"\"},\n {\"b\":[{\"c\":{}}]}],\"other\":[{}],\"errors\":[{\"d\":1}]}";
        assert_eq!(
            objects(text).unwrap(),
            [
                (2, 0, "{\"a\":\"}]\\\"\"}".to_owned()),
                (3, 0, "{\"b\":[{\"c\":{}}]}".to_owned()),
                (3, 1, "{\"d\":1}".to_owned())
            ]
        );
    }

    #[test]
    fn documents_may_follow_one_another() {
        assert_eq!(objects("{\"jobs\":[{}]}\n{\"jobs\":[{}]}").unwrap().len(), 2);
        assert_eq!(objects("{\"jobs\":[]}").unwrap(), []);
    }

    #[test]
    fn a_cut_file_and_a_foreign_one_are_told() {
        assert!(objects("{\"jobs\":[{\"a\":1").unwrap_err().contains("ends in the middle"));
        assert!(objects("{\"tasks\":[]}").unwrap_err().contains("no JSON object with a list \"jobs\""));
        assert!(objects("").unwrap_err().contains("no JSON object"));
    }
}
