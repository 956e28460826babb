//! `sync aws`: a second farmtally plays AWS, with a proxy before it that does what networks and busy services do.

mod proxy;
mod studio;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farmtally_model::FarmId;
use farmtally_service::Catalogue;
use insta::assert_snapshot;
use rustix::process::Signal;

use self::proxy::{Fault, Proxy};
use self::studio::{Asked, FARM, Studio, jobs, line};
use crate::door::{Place, Running, number};

/// The progress that a folder has written down, as the number of its jobs.
fn marks(folder: &Path) -> usize {
    let farm_id = FarmId::parse(FARM).unwrap();
    let catalogue = Catalogue::open(folder).unwrap();
    catalogue.farm_settings(farm_id, "sync-aws/").unwrap().len()
}

/// Waits for something that another process does.
fn until(what: &str, mut is_done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen");
}

fn requests(summary: &str) -> u64 {
    let line = summary.lines().find_map(|line| line.strip_prefix("requests: ")).unwrap();
    line.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn a_farm_is_copied_with_what_the_service_tells_and_not_read_twice() {
    let studio = Studio::new(&jobs(40, 3));
    studio.associate();
    let copy = Place::new();
    let first = studio.sync(&copy, studio.endpoint(), "");
    assert_snapshot!(studio.masked(&first), @r"
    exit 0
    --- stdout
    jobs: 40
    jobs read: 40
    sessions: 120 found at the source = 120 stored + 0 replaced + 0 unchanged + 0 refused
    unpriced lines: 0
    requests: 49, 0 of them again
    --- stderr
    Copying farm-0000000000000000000000000000a05a from http://127.0.0.1:[port] with the environment.
    ");
    let copied = Asked::of(&copy);
    assert_eq!(copied.statistics(), studio.statistics());
    assert_eq!(copied.names(), studio.names());
    drop(copied);
    let second = studio.sync(&copy, studio.endpoint(), "");
    assert!(second.stdout.starts_with("jobs: 40\njobs read: 0\nsessions: 0 found"), "{second}");
    assert!(requests(&second.stdout) < 10, "{second}");
    let full = studio.sync(&copy, studio.endpoint(), "--full");
    assert!(full.stdout.contains("= 0 stored + 0 replaced + 120 unchanged + 0 refused"), "{full}");
}

#[test]
fn throttling_resets_and_pages_of_one_lose_nothing_beside_a_server() {
    let studio = Studio::new(&jobs(12, 3));
    studio.associate();
    let proxy = Proxy::before(&studio.address(), |_, number| match number {
        2 | 30 => Fault::Throttle,
        5 | 40 | 41 => Fault::Reset,
        7 | 50 => Fault::InternalError,
        9 => Fault::CutShort,
        _ => Fault::None,
    });
    let copy = Place::new();
    copy.done(&format!("farm create --data-dir data early --id {FARM}"));
    let server = copy.serve("");
    let ended = studio.sync(&copy, &proxy.endpoint(), "--page-size 1 --batch 5 --concurrency 2");
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(
        ended.stdout.contains("36 found at the source = 36 stored + 0 replaced + 0 unchanged"),
        "{ended}"
    );
    assert!(ended.stdout.contains(", 8 of them again"), "{ended}");
    server.stop(Signal::TERM);
    let copied = Asked::of(&copy);
    assert_eq!(copied.statistics(), studio.statistics());
    assert_eq!(copied.names(), studio.names());
}

/// Six requests tell of the farm, its two queues and their jobs, and sixteen jobs take seventeen requests.
const IN_THE_THIRD_CHUNK: usize = 6 + 2 * 17 + 5;

fn in_the_third_chunk(number: usize, fault: Fault) -> Fault {
    if number >= IN_THE_THIRD_CHUNK { fault } else { Fault::None }
}

#[test]
fn a_copy_that_is_killed_goes_on_from_where_it_was() {
    let studio = Studio::new(&jobs(60, 2));
    let copy = Place::new();
    let holding = Proxy::before(&studio.address(), |_, number| in_the_third_chunk(number, Fault::Hold));
    let mut command = studio.command(&copy, &holding.endpoint(), "--concurrency 1 --batch 1");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = copy.path("data");
    until("progress", || folder.join("catalogue.sqlite").exists() && marks(&folder) >= 32);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(marks(&folder), 32);
    let proxy = Proxy::before(&studio.address(), |_, _| Fault::None);
    let ended = studio.sync(&copy, &proxy.endpoint(), "");
    assert!(ended.stdout.starts_with("jobs: 60\njobs read: 28\n"), "{ended}");
    assert!(ended.stdout.contains("56 found at the source = 56 stored"), "{ended}");
    assert_eq!(proxy.count("/sessions?"), 28);
    assert_eq!(Asked::of(&copy).statistics(), studio.statistics());
}

/// A proxy that ends the server of a copy while the fourth chunk of sixteen jobs is read, by when the first is stored through
/// that server, and passes everything on.
struct Ending {
    server: Arc<Mutex<Option<Running>>>,
    lists_left: Arc<AtomicUsize>,
    proxy: Proxy,
}

impl Ending {
    fn of(studio: &Studio, server: Running, signal: Signal) -> Self {
        let server = Arc::new(Mutex::new(Some(server)));
        let lists_left = Arc::new(AtomicUsize::new(usize::MAX));
        let (ending, left) = (Arc::clone(&server), Arc::clone(&lists_left));
        let proxy = Proxy::before(&studio.address(), move |path, _| {
            if path.contains("/sessions?") && left.fetch_sub(1, Ordering::Relaxed) == 1 {
                let server: Option<Running> = ending.lock().unwrap().take();
                server.unwrap().stop(signal);
            }
            Fault::None
        });
        Self { server, lists_left, proxy }
    }

    fn begin(&self) {
        self.lists_left.store(3 * 16 + 4, Ordering::Relaxed);
    }

    fn has_ended(&self) -> bool {
        self.server.lock().unwrap().is_none()
    }
}

#[test]
fn a_copy_beside_a_server_that_goes_away_is_whole_after_the_next() {
    for signal in [Signal::KILL, Signal::TERM] {
        let studio = Studio::new(&jobs(80, 2));
        let copy = Place::new();
        copy.done(&format!("farm create --data-dir data early --id {FARM}"));
        let ending = Ending::of(&studio, copy.serve(""), signal);
        ending.begin();
        let broken = studio.sync(&copy, &ending.proxy.endpoint(), "--concurrency 1 --batch 4");
        assert!(ending.has_ended());
        assert_eq!(broken.code, Some(1), "{broken}");
        assert!(broken.stdout.contains(" found at the source is not "), "{broken}");
        assert!(broken.stderr.contains("`--full` reads all jobs again"), "{broken}");
        let left = 80 - marks(&copy.path("data"));
        let ended = studio.sync(&copy, studio.endpoint(), "");
        assert_eq!(number(&ended.stdout, "jobs read"), left as u64, "{ended}");
        assert_eq!(ended.code, Some(0), "{ended}");
        assert_eq!(Asked::of(&copy).statistics(), studio.statistics(), "{broken}{ended}");
    }
}

#[test]
fn a_copy_that_follows_brings_later_what_a_server_that_went_away_did_not_take() {
    let studio = Studio::new(&jobs(5, 1));
    let copy = Place::new();
    copy.done(&format!("farm create --data-dir data early --id {FARM}"));
    let ending = Ending::of(&studio, copy.serve(""), Signal::KILL);
    let words = "--every 10s --concurrency 1 --batch 4";
    let mut running = Running::start(&mut studio.command(&copy, &ending.proxy.endpoint(), words));
    assert!(running.first_line.contains("5 found at the source = 5 stored"), "{}", running.first_line);
    studio.import(&jobs(80, 2));
    ending.begin();
    let lines = [running.next_line(), running.next_line()];
    assert!(ending.has_ended());
    assert!(lines[0].contains(" found at the source is not "), "{lines:?}");
    assert!(lines[1].contains(" found at the source = "), "{lines:?}");
    assert_eq!(running.stop(Signal::TERM).0, Some(0));
    assert_eq!(Asked::of(&copy).statistics(), studio.statistics(), "{lines:?}");
}

#[test]
fn sessions_that_were_listed_and_not_given_are_asked_for_again() {
    let studio = Studio::new(&jobs(3, 2));
    let copy = Place::new();
    let proxy = Proxy::before(&studio.address(), |path, _| {
        if path.contains("batch-get-session") { Fault::Empty("sessions") } else { Fault::None }
    });
    let lacking = studio.sync(&copy, &proxy.endpoint(), "");
    assert!(lacking.stdout.contains("6 found at the source = 0 stored"), "{lacking}");
    let ended = studio.sync(&copy, studio.endpoint(), "");
    assert!(ended.stdout.contains("6 found at the source = 6 stored"), "{ended}");
}

#[test]
fn what_was_read_when_a_signal_stops_a_copy_is_stored() {
    let studio = Studio::new(&jobs(60, 2));
    let copy = Place::new();
    let proxy = Proxy::before(&studio.address(), |_, number| in_the_third_chunk(number, Fault::Throttle));
    let running =
        Running::start_without_a_line(&mut studio.command(&copy, &proxy.endpoint(), "--concurrency 1"));
    until("throttling", || proxy.count("") >= IN_THE_THIRD_CHUNK);
    let (code, stdout) = running.stop(Signal::TERM);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("64 found at the source = 64 stored"), "{stdout}");
    let ended = studio.sync(&copy, studio.endpoint(), "");
    assert!(ended.stdout.contains("56 found at the source = 56 stored"), "{ended}");
}

#[test]
fn a_session_that_ran_is_read_until_it_ends_and_then_replaced() {
    let opening = line(7, 1, r#""startedAt":"2026-01-20T10:00:00Z""#);
    let studio = Studio::new(&format!("{}{opening}", jobs(3, 1)));
    let copy = Place::new();
    let sync = || studio.sync(&copy, studio.endpoint(), "");
    assert!(sync().stdout.contains("4 found at the source = 4 stored"));
    let runs_on = sync();
    assert!(
        runs_on.stdout.contains("1 found at the source = 0 stored + 0 replaced + 1 unchanged"),
        "{runs_on}"
    );
    studio.import(&line(7, 1, r#""startedAt":"2026-01-20T10:00:00Z","endedAt":"2026-01-20T12:30:00Z""#));
    let ended = sync();
    assert!(ended.stdout.contains("1 found at the source = 0 stored + 1 replaced + 0 unchanged"), "{ended}");
    assert_eq!(Asked::of(&copy).statistics(), studio.statistics());
    assert!(sync().stdout.contains("\njobs read: 0\n"));
}

#[test]
fn a_running_session_whose_job_is_gone_is_still_looked_for() {
    let studio = Studio::new(&line(7, 1, r#""startedAt":"2026-01-20T10:00:00Z""#));
    let copy = Place::new();
    studio.sync(&copy, studio.endpoint(), "");
    studio.import(&line(7, 1, r#""startedAt":"2026-01-20T10:00:00Z","endedAt":"2026-01-20T12:30:00Z""#));
    let proxy = Proxy::before(&studio.address(), |path, _| {
        if path.contains("/jobs?") { Fault::Empty("jobs") } else { Fault::None }
    });
    let ended = studio.sync(&copy, &proxy.endpoint(), "");
    assert!(ended.stdout.starts_with("jobs: 0\njobs read: 0\n"), "{ended}");
    assert!(ended.stdout.contains("1 found at the source = 0 stored + 1 replaced"), "{ended}");
    assert_eq!(marks(&copy.path("data")), 0);
}

#[test]
fn credentials_that_expire_are_renewed() {
    let studio = Studio::new(&jobs(5, 1));
    let copy = Place::new();
    let [first, second] = [studio.key(), studio.new_key()];
    let keys = |(id, secret): &(String, String)| {
        format!(r#"echo '{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{secret}"}}'"#)
    };
    let (is_first, is_later) = (keys(&first), keys(&second));
    copy.write(
        "keys",
        &format!("#!/bin/sh\nif test -e asked\nthen {is_later}\nelse {is_first}\nfi\n: > asked\n"),
    );
    fs::set_permissions(copy.path("keys"), fs::Permissions::from_mode(0o700)).unwrap();
    copy.write("config", &format!("[profile farm]\ncredential_process = {}\n", copy.path("keys").display()));
    let proxy = Proxy::before(&studio.address(), |_, _| Fault::None);
    proxy.expire(&first.0, 4);
    let mut command = copy.command(&Studio::words(&proxy.endpoint(), "--profile farm"));
    let output = command.env("AWS_CONFIG_FILE", copy.path("config")).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("5 found at the source = 5 stored"), "{stdout}");
    // Those that nobody renews end the copy, and it says so.
    proxy.expire(&second.0, 0);
    let output = command.output().unwrap();
    assert_snapshot!(copy.masked(&String::from_utf8(output.stderr).unwrap()), @r"
    Copying farm-0000000000000000000000000000a05a from http://127.0.0.1:[port] with the profile's credential_process `[place]/keys`.
    error: GetFarm was answered with 403 ExpiredTokenException: The security token included in the request is expired
    hint: the credentials expired and their source has no newer ones; sign in again
    ");
}

#[test]
fn sessions_of_fleets_that_are_gone_keep_their_ids() {
    let studio = Studio::new(&jobs(5, 2));
    let proxy = Proxy::before(&studio.address(), |path, _| {
        if path.contains("/fleets?") { Fault::Empty("fleets") } else { Fault::None }
    });
    let copy = Place::new();
    let ended = studio.sync(&copy, &proxy.endpoint(), "");
    assert!(ended.stdout.contains("10 found at the source = 10 stored"), "{ended}");
    let copied = Asked::of(&copy);
    assert_eq!(copied.fleet_ids(), studio.fleet_ids());
}

#[test]
fn a_copy_that_follows_stops_cleanly() {
    let studio = Studio::new(&jobs(5, 1));
    let copy = Place::new();
    for signal in [Signal::INT, Signal::TERM] {
        let running = Running::start(&mut studio.command(&copy, studio.endpoint(), "--every 1h"));
        assert!(
            running.first_line.ends_with("refused; 5 of 5 jobs read")
                || running.first_line.ends_with("0 of 5 jobs read")
        );
        assert!(running.first_line.starts_with("20"), "{}", running.first_line);
        assert_eq!(running.stop(signal).0, Some(0));
    }
}

#[test]
fn a_dry_run_stores_nothing() {
    let studio = Studio::new(&jobs(5, 2));
    let copy = Place::new();
    let ended = studio.sync_without_rates(&copy, "--dry-run");
    assert!(!copy.path("data").exists());
    assert_snapshot!(studio.masked(&ended), @r"
    exit 0
    --- stdout
    jobs: 5
    jobs read: 5
    sessions: 10 found at the source = 10 valid + 0 unchanged + 0 refused
    unpriced lines: 10
    requests: 12, 0 of them again
    --- stderr
    Copying farm-0000000000000000000000000000a05a from http://127.0.0.1:[port] with the environment.
    hint: the rate card has no rate for some of these sessions, and AWS tells no price of a session, so they count as free; `farmtally rates set` sets a card for those that come from now on, and a session that is stored keeps its price
    This was a dry run: nothing was stored.
    ");
}

#[test]
fn what_is_refused_is_named_and_counted() {
    let studio = Studio::new(&jobs(2, 2));
    let copy = Place::new();
    // The same session was here before, and ended at another time.
    let other = line(1, 1, r#""startedAt":"2026-01-05T10:00:00Z","endedAt":"2026-01-05T10:00:01Z""#);
    copy.write("other.jsonl", &other);
    copy.done(&format!("import --data-dir data --farm {FARM} other.jsonl"));
    let ended = studio.sync(&copy, studio.endpoint(), "");
    assert!(
        ended.stdout.contains("4 found at the source = 3 stored + 0 replaced + 0 unchanged + 1 refused"),
        "{ended}"
    );
    assert!(ended.stderr.contains("is stored with other content"), "{ended}");
    assert_eq!(number(&ended.stdout, "jobs read"), 2);
}

fn failed(words: &str, variables: &[(&str, &str)]) -> String {
    let place = Place::new();
    let mut command = place.command(&format!("sync aws --data-dir data --farm {FARM} {words}"));
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(!place.path("data").exists(), "a folder was made");
    format!(
        "exit {}\n{}",
        output.status.code().unwrap(),
        place.masked(&String::from_utf8(output.stderr).unwrap())
    )
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hidden")];

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    assert_snapshot!(failed("--region us-west-2", &[]), @r"
    exit 1
    error: there are no AWS credentials in the environment, in a profile, in a container or on the instance
    hint: pass `--profile` with one of `aws configure list-profiles`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
    assert_snapshot!(failed("", &KEYS), @r"
    exit 2
    error: neither the environment nor the profile names a region
    hint: pass `--region` with the farm's, such as us-west-2
    ");
    let ours = [("AWS_ACCESS_KEY_ID", "FTAK1234"), KEYS[1]];
    assert_snapshot!(failed("--region us-west-2", &ours), @r"
    exit 2
    error: the environment has an access key of farmtally's, which AWS does not know
    hint: unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_PROFILE, or pass `--profile`
    ");
}

#[test]
fn a_profile_for_single_sign_on_needs_the_aws_cli() {
    let place = Place::new();
    place.write("config", "[profile studio]\nregion = us-west-2\nsso_session = main\n");
    let path = place.path("config");
    let variables = [("AWS_CONFIG_FILE", path.to_str().unwrap()), ("PATH", "/nowhere")];
    assert_snapshot!(failed("--profile studio", &variables), @r"
    exit 1
    error: the profile `studio` signs in by AWS IAM Identity Center (SSO), which the AWS CLI does, and there is no `aws` on the PATH
    hint: install version 2 of the AWS CLI, or let the profile's `credential_process` name another program that prints credentials, or set the variables that `aws configure export-credentials --format env` prints elsewhere
    ");
}

#[test]
fn the_aws_cli_is_asked_for_what_it_signs_in_for_and_not_sent_to_a_server_of_ours() {
    let studio = Studio::new(&jobs(2, 1));
    let copy = Place::new();
    let (id, secret) = studio.key();
    copy.write(
        "aws",
        &format!(
            "#!/bin/sh\necho \"$@\" > asked\nenv | grep AWS_ENDPOINT >> asked\n\
             echo '{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}}'\n"
        ),
    );
    fs::set_permissions(copy.path("aws"), fs::Permissions::from_mode(0o700)).unwrap();
    copy.write("config", "[profile studio]\nsso_session = main\n");
    let mut command = copy.command(&Studio::words(studio.endpoint(), "--profile studio"));
    command.env("AWS_CONFIG_FILE", copy.path("config")).env("AWS_ENDPOINT_URL", "http://127.0.0.1:8037");
    command.env("PATH", format!("{}:/usr/bin:/bin", copy.path("").display()));
    let ended = copy.ended(&command.output().unwrap());
    assert!(ended.stdout.contains("2 found at the source = 2 stored"), "{ended}");
    assert_eq!(copy.read("asked"), "configure export-credentials --format process --profile studio\n");
}

#[test]
fn a_shell_that_is_set_up_for_farmtally_still_asks_aws() {
    let nobody = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("AWS_REGION", "us-west-2")];
    let ours = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DEADLINE"].map(|name| (name, "http://127.0.0.1:8037"));
    let told = failed("", &[&KEYS[..], &nobody[..], &ours[..]].concat());
    let first = told.lines().nth(1).unwrap();
    assert_eq!(
        first,
        format!(
            "Copying {FARM} from https://management.deadline.us-west-2.amazonaws.com with the environment."
        )
    );
    assert!(
        told.contains(
            "error: cannot reach `https://management.deadline.us-west-2.amazonaws.com` for GetFarm"
        )
    );
}

#[test]
fn an_unknown_farm_leaves_nothing_behind() {
    let studio = Studio::new(&jobs(1, 1));
    let copy = Place::new();
    let words = Studio::words(studio.endpoint(), "").replace(FARM, "farm-0000000000000000000000000000beef");
    let output = studio.with_key(&mut copy.command(&words)).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("error: GetFarm was answered with 404 ResourceNotFoundException"), "{told}");
    assert!(!copy.path("data").exists());
}
