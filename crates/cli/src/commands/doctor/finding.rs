//! One thing that was looked at.

use std::fmt;

use crate::terminal_text::one_line;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Fine,
    /// Worth knowing; nothing fails for it.
    Note,
    /// Something fails for it.
    Wrong,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    text: String,
    /// What to type, or to do.
    mend: Option<String>,
}

impl Finding {
    pub(super) fn fine(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fine, text: text.into(), mend: None }
    }

    pub(super) fn note(text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, text: text.into(), mend: Some(mend.into()) }
    }

    pub(super) fn wrong(text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, text: text.into(), mend: Some(mend.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Fine => "ok",
            Verdict::Note => "note",
            Verdict::Wrong => "wrong",
        };
        write!(f, "{word:<6} {}", one_line(&self.text))?;
        self.mend.iter().try_for_each(|mend| write!(f, "\n       {}", one_line(mend)))
    }
}
