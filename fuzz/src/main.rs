//! libFuzzer on the target that the variable `FARMTALLY_FUZZ_TARGET` names: one binary, so that there is one build.
//!
//! Under the name `list` it prints every target and its longest input in bytes, for the script that starts it.
#![no_main]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a wrong name has to stop it, and a script reads the list"
)]

use std::sync::LazyLock;

use farmtally_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

const VARIABLE: &str = "FARMTALLY_FUZZ_TARGET";

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).expect("FARMTALLY_FUZZ_TARGET names no target");
    if name == "parquet" {
        // The reader of that format turns the panics of a crate into errors. libFuzzer would end at the panic.
        std::panic::set_hook(Box::new(|_| ()));
    }
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target `{name}`"))
});

fuzz_target!(init: list_if_asked(), |bytes: &[u8]| (TARGET.run)(bytes));

fn list_if_asked() {
    if std::env::var(VARIABLE).as_deref() == Ok("list") {
        TARGETS.iter().for_each(|target| println!("{} {}", target.name, target.bytes_max));
        std::process::exit(0);
    }
}
