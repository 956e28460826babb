//! Servers of Spark Connect, started for one test and ended with it.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use farmtally_cluster::Address;

/// How long a server may take to start on a busy machine.
const START_MAX: Duration = Duration::from_mins(3);

/// How long servers of one cluster may take to find each other.
pub(crate) const REGISTRATION_MAX: Duration = Duration::from_mins(3);
/// Linux counts processor time in these, whatever the machine.
const TICKS_PER_SECOND: u32 = 100;

/// A running server.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Sail with two workers in one process, as it comes from its wheel.
    pub(crate) fn sail() -> Self {
        let program = tool("FARMTALLY_SAIL", "target/cluster-env/bin/sail");
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["spark", "server", "--port", &port.to_string()]);
        for (name, value) in [
            ("SAIL_MODE", "local-cluster"),
            ("SAIL_CLUSTER__WORKER_INITIAL_COUNT", "2"),
            ("SAIL_CLUSTER__WORKER_MAX_COUNT", "2"),
        ] {
            command.env(name, value);
        }
        Self::start(command, port, Path::new("/dev/null"))
    }

    /// Starts a process, in a group of its own, and waits until it listens on its port.
    pub(crate) fn start(mut command: Command, port: u16, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Self { process, port };
        server.wait_until_it_listens();
        server
    }

    fn wait_until_it_listens(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < START_MAX, "nothing listens on port {}", self.port);
            assert!(self.process.try_wait().unwrap().is_none(), "the server ended before it listened");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn address(&self) -> Address {
        address_of(self.port)
    }

    /// The processor time of its processes so far.
    pub(crate) fn cpu(&self) -> Duration {
        let group = self.process.id().to_string();
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let stat = fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
            let fields = after_name(&stat)?;
            (fields.get(2) == Some(&group.as_str())).then(|| ticks(&fields))
        });
        processes.sum::<u32>() * (Duration::from_secs(1) / TICKS_PER_SECOND)
    }

    /// Ends it at once, with everything that it started, as a machine does that loses its power.
    pub(crate) fn kill(&mut self) {
        let group = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap_or_default();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processor time of this process so far.
pub(crate) fn own_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    ticks(&after_name(&stat).unwrap()) * (Duration::from_secs(1) / TICKS_PER_SECOND)
}

/// What `/proc/PID/stat` has after the name, which may have blanks in it: state, parent, group, and so on.
fn after_name(stat: &str) -> Option<Vec<&str>> {
    stat.rsplit_once(") ").map(|(_, fields)| fields.split(' ').collect())
}

/// Processor time in user and system mode.
fn ticks(fields: &[&str]) -> u32 {
    fields[11..=12].iter().map(|text| text.parse::<u32>().unwrap()).sum()
}

/// Waits until a server has said something so many times.
pub(crate) fn wait_for(log: &Path, text: &str, times: usize) {
    let begun = Instant::now();
    while fs::read_to_string(log).unwrap_or_default().matches(text).count() < times {
        assert!(begun.elapsed() < REGISTRATION_MAX, "{}: {text:?} is not there", log.display());
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn address_of(port: u16) -> Address {
    Address::parse(&format!("sc://127.0.0.1:{port}")).unwrap()
}

/// A port on which nobody listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A file that a variable names, or else one of the repository.
pub(crate) fn tool(variable: &str, usual: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os(variable).map_or_else(|| repository.join(usual), PathBuf::from);
    assert!(path.exists(), "{} is not there; scripts/test-cluster installs it", path.display());
    path
}
