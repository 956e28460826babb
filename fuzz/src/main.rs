//! libFuzzer on the target that the variable `FARMTALLY_FUZZ_TARGET` names: one binary, so that there is one build.
#![no_main]
#![expect(
    unsafe_code,
    clippy::expect_used,
    clippy::panic,
    reason = "libFuzzer calls in by a C symbol that the macro exports, and a wrong name has to stop it"
)]

use std::sync::LazyLock;

use farmtally_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FARMTALLY_FUZZ_TARGET").expect("FARMTALLY_FUZZ_TARGET names no target");
    if name == "parquet" {
        // The reader of that format turns the panics of a crate into errors. libFuzzer would end at the panic.
        std::panic::set_hook(Box::new(|_| ()));
    }
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target `{name}`"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
