//! The rules of `docs/semantics.md`: its worked examples as they stand there, and the cases that a reader can do without.

mod case;
mod document;
mod rules;
