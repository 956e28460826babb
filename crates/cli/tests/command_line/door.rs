//! The only way in: a folder of its own for each test, and the program run in it with an empty environment.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A place with a data folder `data`, which is not there until the program makes it.
pub(crate) struct Place {
    root: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        self.masked(&fs::read_to_string(self.path(name)).unwrap())
    }

    /// The program with these words, in this place and with nothing of the environment.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_farmtally"));
        command.args(words.split_whitespace()).current_dir(self.root.path());
        command.env_clear().env("HOME", self.root.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Ended {
        self.ended(&self.command(words).output().unwrap())
    }

    /// Runs a command that was given more, such as variables.
    pub(crate) fn run_command(&self, command: &mut Command) -> Ended {
        self.ended(&command.output().unwrap())
    }

    pub(crate) fn run_with_input(&self, words: &str, input: &str) -> Ended {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.ended(&child.wait_with_output().unwrap())
    }

    /// The same, when it must have been done.
    pub(crate) fn done(&self, words: &str) -> String {
        let ended = self.run(words);
        assert_eq!(ended.code, Some(0), "{ended}");
        ended.stdout
    }

    /// A server on the data folder, ready.
    pub(crate) fn serve(&self, more: &str) -> Running {
        self.start(&format!("serve --data-dir data --listen 127.0.0.1:0 {more}"))
    }

    /// A command that runs until it is stopped, ready as soon as it has printed its first line.
    pub(crate) fn start(&self, words: &str) -> Running {
        Running::start(&mut self.command(words))
    }

    pub(crate) fn ended(&self, output: &Output) -> Ended {
        let text = |bytes: &[u8]| self.masked(std::str::from_utf8(bytes).unwrap());
        Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The text without what differs from run to run.
    pub(crate) fn masked(&self, text: &str) -> String {
        let text = text.replace(&*self.root.path().to_string_lossy(), "[place]");
        let text = mask(&text, "127.0.0.1:", "[port]", |character| character.is_ascii_digit());
        let text = mask(&text, "process ", "[pid]", |character| character.is_ascii_digit());
        let text = mask(&text, "FTAK", "[id]", |character| character.is_ascii_alphanumeric());
        mask(&text, "AWS_SECRET_ACCESS_KEY=", "[secret]", |character| !character.is_whitespace())
    }
}

/// Puts `mask` in the place of the characters behind each `prefix`.
fn mask(text: &str, prefix: &str, mask: &str, is_masked: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(prefix);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&is_masked);
        let shown = if rest.len() == part.len() { "" } else { mask };
        masked.extend([prefix, shown, rest]);
    }
    masked
}

/// The sample data of the repository.
pub(crate) fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name);
    path.canonicalize().unwrap().to_string_lossy().into_owned()
}

/// So many finished sessions of a minute, numbered from `first`.
pub(crate) fn sessions(first: u32, count: u32) -> String {
    let line = |number: u32| {
        format!(
            r#"{{"sessionId":"session-{number:032x}","queueName":"comp","fleetName":"spot","jobName":"shot","userId":"alice","startedAt":"2025-11-24T22:00:00Z","endedAt":"2025-11-24T22:01:00Z","usage":[{{"usageType":"COMPUTE","costInUsd":"0.01"}}]}}"#
        ) + "\n"
    };
    (first..first + count).map(line).collect()
}

/// The number behind a name of an import's summary.
pub(crate) fn number(summary: &str, name: &str) -> u64 {
    let line = summary.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {summary}")).parse().unwrap()
}

/// What became of a command.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "killed")?,
        }
        let streams = [("stdout", &self.stdout), ("stderr", &self.stderr)];
        for (name, text) in streams.into_iter().filter(|(_, text)| !text.is_empty()) {
            writeln!(f, "--- {name}\n{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// A command that runs until it is stopped. It does not outlive its test.
pub(crate) struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
    pub(crate) first_line: String,
}

impl Running {
    /// Starts a command that was put together elsewhere.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let first_line = stdout.next().map(Result::unwrap).unwrap_or_default();
        Self { child, stdout, stderr, first_line }
    }

    /// Starts a command that may print nothing before it is stopped.
    pub(crate) fn start_without_a_line(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, stdout, stderr, first_line: String::new() }
    }

    pub(crate) fn next_line(&mut self) -> String {
        self.stdout.next().unwrap().unwrap()
    }

    /// Reads stderr until a line has `part` in it.
    pub(crate) fn wait_for_stderr(&mut self, part: &str) -> String {
        self.stderr.by_ref().map(Result::unwrap).find(|line| line.contains(part)).unwrap()
    }

    /// Sends a signal and waits for the end: exit code, and what is left of stdout.
    pub(crate) fn stop(mut self, signal: Signal) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let rest: Vec<String> = self.stdout.by_ref().map(Result::unwrap).collect();
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }

    /// Kills it as the system does when memory is short.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
