//! Manual pages and completions, as the programs that read them see them.

use std::fs;
use std::process::Command;

use crate::door::Place;

#[test]
fn every_command_gets_its_page() {
    let place = Place::new();
    let ended = place.run("man pages");
    assert_eq!(ended.code, Some(0), "{ended}");
    let mut pages: Vec<String> = fs::read_dir(place.path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    assert_eq!(ended.stderr, format!("Wrote {} pages into `pages`.\n", pages.len()));
    for page in
        ["farmtally.1", "farmtally-serve.1", "farmtally-farm.1", "farmtally-farm-create.1", "farmtally-man.1"]
    {
        assert!(pages.contains(&page.to_owned()), "{page} is not among {pages:?}");
    }
    let text = place.read("pages/farmtally-farm-create.1");
    assert!(text.contains(".TH FARMTALLY-FARM-CREATE 1"), "{text}");
    assert!(text.contains("\\fBfarmtally farm create\\fR"), "{text}");
    assert!(text.contains("\\-\\-cost\\-scale\\-factor"), "{text}");
    assert!(text.contains(".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\n"), "{text}");
}

#[test]
fn the_pages_are_the_same_every_time() {
    let place = Place::new();
    place.done("man one");
    place.done("man two");
    assert_eq!(place.read("one/farmtally.1"), place.read("two/farmtally.1"));
}

#[test]
fn bash_completes_commands_and_flags() {
    let place = Place::new();
    place.write("farmtally.bash", &place.done("completions bash"));
    let completed = |words: &str| {
        let count = words.split(' ').count() - 1;
        let script = format!(
            "source farmtally.bash; COMP_WORDS=({words}); COMP_CWORD={count}; \
             _farmtally farmtally \"${{COMP_WORDS[{count}]}}\" \"${{COMP_WORDS[{count} - 1]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        let output = Command::new("bash").args(["-c", &script]).current_dir(place.path("")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("farmtally verif"), "verify verify-audit");
    assert_eq!(completed("farmtally env --write"), "--write-profile");
    assert_eq!(completed("farmtally farm cr"), "create");
}

#[test]
fn every_shell_that_is_named_has_a_script() {
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(Place::new().done(&format!("completions {shell}")).contains("verify-audit"), "{shell}");
    }
}
