//! `demo`: made once, then found again.

use rustix::process::Signal;

use crate::door::{Place, Running};

/// Everything up to the last line that the demonstration prints.
fn banner(demo: &mut Running) -> String {
    let mut text = demo.first_line.clone() + "\n";
    while !text.contains("\nfarmtally import ") {
        text += &(demo.next_line() + "\n");
    }
    text
}

#[test]
fn the_demonstration_prints_what_to_paste_and_ends_on_a_signal() {
    let place = Place::new();
    let mut demo = place.start("demo --listen 127.0.0.1:0");
    let text = banner(&mut demo);
    for part in [
        "  Made      now, from seed 7",
        "  Overview  http://127.0.0.1:",
        "export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n",
        "farmId=\"farm-edcbc90d37db31dc852019fdacc2ed92\"",
        "--resource-ids queueIds=queue-",
        "--aggregation-id \"$aggregation_id\"",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(place.path(".local/share/farmtally/demo/catalogue.sqlite").exists());
    assert_eq!(demo.stop(Signal::INT).0, Some(0));

    let mut again = place.start("demo --listen 127.0.0.1:0");
    let second = banner(&mut again);
    assert!(second.contains("  Made      earlier, its last hour is "), "{second}");
    let content = |text: &str| text.lines().find(|line| line.contains("  Content")).unwrap().to_owned();
    assert_eq!(content(&second), content(&text));
}

#[test]
fn a_folder_with_other_farms_gets_the_demo_farm_beside_them() {
    let place = Place::new();
    place.done("farm create --data-dir data oslo");
    let demo = place.start("demo --data-dir data --listen 127.0.0.1:0");
    let farms = place.done("farm list --data-dir data");
    assert!(farms.contains("\toslo\t1\n") && farms.contains("\tDemo Farm\t1\n"), "{farms}");
    assert_eq!(demo.stop(Signal::TERM).0, Some(0));
}
