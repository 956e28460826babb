//! A bar on stderr while something takes long; nothing at all when stderr is not a terminal.

use std::fs::File;
use std::io::Read;

use indicatif::{ProgressBar, ProgressStyle};

/// How far a command has come.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Bytes read of a total, or of nobody knows how many.
    pub(crate) fn of_bytes(total_bytes: Option<u64>) -> Self {
        match total_bytes {
            Some(total) => {
                let bar = ProgressBar::new(total);
                Self(bar.with_style(style("{bar:30} {bytes} of {total_bytes}, {msg}, {eta} left")))
            }
            None => Self(ProgressBar::new_spinner().with_style(style("{spinner} {bytes}, {msg}"))),
        }
    }

    /// Records of a total.
    pub(crate) fn of_records(total: u64, what: &'static str) -> Self {
        Self(ProgressBar::new(total).with_style(style("{bar:30} {msg}")).with_message(what))
    }

    /// A reader of the file that moves the bar on.
    pub(crate) fn reading(&self, source: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        Box::new(self.0.wrap_read(source))
    }

    /// For a file that is not read in order: counts it when it is done.
    pub(crate) fn advance_by_file(&self, file: &File) {
        self.0.inc(file.metadata().map_or(0, |metadata| metadata.len()));
    }

    /// So many records more.
    pub(crate) fn advance(&self, records: u64) {
        self.0.inc(records);
    }

    /// What to say beside the bar.
    pub(crate) fn say(&self, message: String) {
        self.0.set_message(message);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }

    /// Writes a line above the bar.
    pub(crate) fn tell_above(&self, line: &str) {
        self.0.suspend(|| crate::talk::tell(line));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
