//! Holds `tests/`, in which the published Rust SDK talks to a running farmtally.
