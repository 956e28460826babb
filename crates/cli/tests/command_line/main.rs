//! The program as people's scripts meet it: exit code, stdout and stderr of the real binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is missing")]

mod crash;
mod demo;
mod doctor;
mod door;
mod engine;
mod env;
mod export_report;
mod farms;
mod finance;
mod help;
mod import;
mod import_beside_a_server;
mod keeping;
mod keys;
mod manual;
mod mapping;
mod operating;
mod other_farms;
mod profile;
mod rates;
mod report;
mod serve;
mod sync_aws;
mod usage;
