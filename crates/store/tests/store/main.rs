//! The store as its callers see it: one folder, opened, used, killed, damaged and opened again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod aggregations;
mod amending;
mod catalogue;
mod changes;
mod cluster;
mod damage;
mod folder;
mod format;
mod found;
mod full_disk;
mod kill;
mod rules;
mod sealing;
mod sessions;
mod shared;
mod shared_format;
mod shared_segments;
mod shares;
mod torn_log;
mod verify;
