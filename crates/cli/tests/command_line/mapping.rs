//! `import` of tables with columns of their own.

use crate::door::{Place, data, number};

#[test]
fn a_table_comes_in_by_its_mapping_and_again_changes_nothing() {
    let place = Place::new();
    let (file, mapping) = (data("tables/studio.csv"), data("tables/studio.toml"));
    let import = format!("import --data-dir data --farm oslo --mapping {mapping} --rejects rejects {file}");
    let summary = place.done(&import);
    assert_eq!((number(&summary, "read"), number(&summary, "stored")), (5, 4), "{summary}");
    assert!(summary.contains("the job never started: 1"), "{summary}");
    let again = place.done(&import);
    assert_eq!((number(&again, "stored"), number(&again, "unchanged")), (0, 4), "{again}");
}

#[test]
fn a_file_of_a_stranger_comes_in_by_the_mapping_that_was_drafted_for_it() {
    let place = Place::new();
    for name in ["tables/studio.csv", "tables/tasks.jsonl"] {
        let file = data(name);
        let draft = place.done(&format!("import --suggest-mapping {file}"));
        place.write("mapping.toml", &draft);
        let import = format!("import --data-dir data --farm oslo --mapping mapping.toml --dry-run {file}");
        let summary = place.done(&import);
        assert_eq!(number(&summary, "rejected"), 0, "{name}: {summary}\n{draft}");
        assert!(number(&summary, "valid") > 1, "{name}: {summary}\n{draft}");
    }
    assert!(!place.path("data").exists());
}

#[test]
fn a_draft_needs_no_folder_and_minds_none_in_the_environment() {
    let place = Place::new();
    let words = format!("import --suggest-mapping {}", data("tables/studio.csv"));
    let mut command = place.command(&words);
    let ended = place.run_command(command.env("FARMTALLY_DATA_DIR", place.path("data")));
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(place.run(&format!("{words} --farm oslo")).code, Some(2));
    let ended = place.run("import a.csv");
    assert!(ended.stderr.contains("--data-dir <DIR>") && ended.stderr.contains("--farm <NAME>"), "{ended}");
}

#[test]
fn a_table_without_a_mapping_is_refused_with_how_to_get_one() {
    let place = Place::new();
    place.write("a.csv", "Job,Who\n1,2\n");
    let ended = place.run("import --data-dir data --farm oslo --dry-run a.csv");
    assert!(ended.stderr.contains("hint: `farmtally import --suggest-mapping a.csv` drafts"), "{ended}");
}

#[test]
fn a_mapping_that_cannot_be_used_is_told_before_anything_is_made() {
    let place = Place::new();
    place.write("a.csv", "Job\n1\n");
    place.write("m.toml", "source = \"x\"\n[session]\njobname = \"Job\"\n");
    let ended = place.run("import --data-dir data --farm oslo --mapping m.toml a.csv");
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .starts_with("error: cannot use `m.toml`: line 3 of the mapping: unknown field `jobname`"),
        "{ended}"
    );
    assert!(!place.path("data").exists());
    place.write("c.csv", "other,columns\n1,2\n");
    let ended = place
        .run(&format!("import --data-dir data --farm oslo --mapping {} c.csv", data("tables/studio.toml")));
    assert!(
        ended.stderr.contains("`farmtally import --suggest-mapping c.csv` lists those of this one"),
        "{ended}"
    );
    assert!(!ended.stderr.contains("pass `--format`"), "{ended}");
    place.write("b.swf", "");
    place.write(
        "m.toml",
        &std::fs::read_to_string(data("tables/studio.toml")).unwrap().replace("format = \"csv\"", ""),
    );
    let ended = place.run("import --data-dir data --farm oslo --mapping m.toml b.swf");
    assert!(ended.stderr.contains("swf has its own"), "{ended}");
}
