//! The crate graph is the architecture: a crate may know what this table says and nothing else.
#![expect(clippy::unwrap_used, reason = "a test stops where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// For each crate the crates of this workspace that it may depend on, outside of its tests.
const MAY_KNOW: [(&str, &[&str]); 18] = [
    ("farmtally-model", &[]),
    ("farmtally-sigv4", &[]),
    ("farmtally-deadline", &["farmtally-model", "farmtally-sigv4"]),
    ("farmtally-wire", &["farmtally-model"]),
    ("farmtally-columns", &["farmtally-model"]),
    ("farmtally-engine", &["farmtally-model", "farmtally-columns"]),
    ("farmtally-postgres", &[]),
    ("farmtally-store", &["farmtally-model", "farmtally-columns", "farmtally-sigv4", "farmtally-postgres"]),
    ("farmtally-ingest", &["farmtally-model"]),
    ("farmtally-connectors", &["farmtally-model", "farmtally-ingest", "farmtally-postgres"]),
    ("farmtally-testkit", &["farmtally-model"]),
    (
        "farmtally-service",
        &["farmtally-model", "farmtally-columns", "farmtally-engine", "farmtally-store", "farmtally-ingest"],
    ),
    ("farmtally-cluster", &["farmtally-model", "farmtally-engine"]),
    (
        "farmtally-server",
        &["farmtally-model", "farmtally-wire", "farmtally-sigv4", "farmtally-ingest", "farmtally-service"],
    ),
    (
        "farmtally",
        &[
            "farmtally-model",
            "farmtally-sigv4",
            "farmtally-wire",
            "farmtally-deadline",
            "farmtally-ingest",
            "farmtally-connectors",
            // Behind the feature `cluster`.
            "farmtally-cluster",
            "farmtally-service",
            "farmtally-server",
            "farmtally-testkit",
        ],
    ),
    ("farmtally-bench", &["farmtally-model", "farmtally-columns", "farmtally-engine"]),
    (
        "farmtally-fuzz",
        &["farmtally-model", "farmtally-sigv4", "farmtally-wire", "farmtally-ingest", "farmtally-deadline"],
    ),
    ("farmtally-rust-client-test", &[]),
];

/// What each crate of the workspace depends on among the others, by cargo's own account.
fn crate_graph() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(&package["name"]), workspace_dependencies(package))).collect()
}

fn workspace_dependencies(package: &serde_json::Value) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let ours =
        dependencies.filter(|dependency| dependency["kind"] != "dev" && dependency["path"].is_string());
    ours.map(|dependency| text(&dependency["name"])).collect()
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn no_crate_knows_one_that_it_must_not_know() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_KNOW.into();
    for (name, dependencies) in crate_graph() {
        let may_know = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the table"));
        for dependency in dependencies {
            assert!(
                may_know.contains(&dependency.as_str()),
                "{name} must not know {dependency}; see the crate table in ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn the_table_names_every_crate_and_no_other() {
    let graph = crate_graph();
    let named: BTreeSet<&str> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    assert_eq!(graph.keys().map(String::as_str).collect::<BTreeSet<_>>(), named);
}
