//! A PostgreSQL of a test's own: a folder, a socket in it, no port, and never run as root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A running server. It ends with this.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
    /// Who runs it when the tests run as root, which PostgreSQL refuses.
    user: Option<(u32, u32)>,
}

impl Cluster {
    /// Starts one; `None`, and a word about it, where PostgreSQL is not installed.
    #[allow(
        clippy::print_stderr,
        reason = "whoever reads what the test says has to know that it tested nothing; unit tests may print anyhow"
    )]
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("FARMTALLY_POSTGRES").is_none(), "PostgreSQL is not installed");
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let user = rustix::process::geteuid().is_root().then(|| (number("-u"), number("-g")));
        if let Some((user_id, group_id)) = user {
            chown(folder.path(), Some(user_id), Some(group_id)).unwrap();
        }
        let cluster = Self { folder, programs, user };
        let data = cluster.data();
        cluster.run(
            "initdb",
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
                &data,
            ],
        );
        cluster.begin();
        Some(cluster)
    }

    /// Makes an empty database and gives its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        self.run("createdb", &["--host", &self.socket(), "--username=postgres", name]);
        let socket = self.socket().replace('/', "%2F");
        format!("postgres://postgres@{socket}/{name}")
    }

    /// Runs statements in a database, and gives the rows of the last.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> Vec<String> {
        let socket = self.socket();
        let flags = ["--host", &socket, "--username=postgres", "-qtAX", "-v", "ON_ERROR_STOP=1"];
        let output = self.command("psql").args(flags).args(["-c", statements, database]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Stops it as a crash would, and starts it again.
    pub(crate) fn crash(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
        self.begin();
    }

    fn begin(&self) {
        let options = format!("-k {} -c listen_addresses=''", self.socket());
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-t", "120", "-o", &options, "-l", &log, "start"]);
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn socket(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user_id, group_id)) = self.user {
            command.uid(user_id).gid(group_id);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        drop(
            self.command("pg_ctl")
                .args(["-D", &data, "-m", "immediate", "stop"])
                .stdout(Stdio::null())
                .status(),
        );
    }
}

/// The folder of PostgreSQL's own programs, which a Debian keeps off the PATH.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path);
    versions.into_iter().rev().chain(on_path).find(|folder| folder.join("initdb").is_file())
}

/// An id of the user that Debian's package makes.
fn number(flag: &str) -> u32 {
    let output = Command::new("id").args([flag, "postgres"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
