//! The life of an aggregation as its callers see it.

/// How far an aggregation has come. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Being computed.
    InProgress,
    /// Ended without an answer because it took too long.
    Timeout,
    /// Ended without an answer.
    Failed,
    /// Answered.
    Completed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::InProgress, Self::Timeout, Self::Failed, Self::Completed];

    /// The wire's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Timeout => "TIMEOUT",
            Self::Failed => "FAILED",
            Self::Completed => "COMPLETED",
        }
    }

    /// The status with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_wires_name_and_is_read_back_from_it() {
        for (status, name) in [
            (Status::InProgress, "IN_PROGRESS"),
            (Status::Timeout, "TIMEOUT"),
            (Status::Failed, "FAILED"),
            (Status::Completed, "COMPLETED"),
        ] {
            assert_eq!((status.as_str(), Status::parse(name)), (name, Some(status)));
        }
        for name in ["", "in_progress", "DONE", "COMPLETED "] {
            assert_eq!(Status::parse(name), None, "{name}");
        }
    }
}
