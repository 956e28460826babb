//! Apache Spark with two workers on loopback: the same rows, also when a worker loses its process in the middle of a question.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use farmtally_cluster::Address;
use farmtally_testkit::reference;
use tempfile::TempDir;

use crate::failures::{check_while, question, refusal, sealed_farm, sessions};
use crate::same_rows::{check_every_dimension, check_random_farms};
use crate::server::{REGISTRATION_MAX, Server, free_port, tool, wait_for};

/// Sessions of the farm: enough for a question of some seconds.
const SESSIONS: u32 = 60_000;
/// What the server asks everybody for.
const TOKEN: &str = "only-farmtally-knows";

/// A master, two workers and a Spark Connect server, each a process of its own.
pub(crate) struct Spark {
    connect: Server,
    workers: [Server; 2],
    master: Server,
    folder: TempDir,
}

impl Spark {
    /// With tasks of at most so many bytes of a file.
    pub(crate) fn start(task_bytes: usize) -> Self {
        let home = tool("FARMTALLY_SPARK_HOME", "target/spark-env/spark");
        let folder = tempfile::tempdir().unwrap();
        let log = |name: &str| folder.path().join(name);
        let (master_port, connect_port) = (free_port(), free_port());
        let master_url = format!("spark://127.0.0.1:{master_port}");
        let class = |words: &[&str]| {
            let mut command = Command::new(home.join("bin/spark-class"));
            command.args(words).current_dir(folder.path());
            environment(&mut command, &home, folder.path());
            command
        };
        let master = class(&[
            "org.apache.spark.deploy.master.Master",
            "--host",
            "127.0.0.1",
            "--port",
            &master_port.to_string(),
            "--webui-port",
            "0",
        ]);
        let master = Server::start(master, master_port, &log("master.log"));
        let workers = [1, 2].map(|number| {
            let port = free_port();
            let worker = class(&[
                "org.apache.spark.deploy.worker.Worker",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--webui-port",
                "0",
                "--cores",
                "1",
                "--memory",
                "1g",
                &master_url,
            ]);
            Server::start(worker, port, &log(&format!("worker{number}.log")))
        });
        wait_for(&log("master.log"), "Registering worker", 2);
        let mut connect = Command::new(home.join("bin/spark-submit"));
        environment(&mut connect, &home, folder.path());
        connect.current_dir(folder.path()).args(["--master", &master_url]);
        for setting in [
            "spark.connect.grpc.binding.address=127.0.0.1",
            &format!("spark.connect.grpc.binding.port={connect_port}"),
            &format!("spark.connect.authenticate.token={TOKEN}"),
            "spark.ui.enabled=false",
            "spark.driver.memory=1g",
            "spark.executor.memory=600m",
            "spark.sql.shuffle.partitions=8",
            &format!("spark.sql.files.maxPartitionBytes={task_bytes}"),
            "spark.sql.files.openCostInBytes=0",
        ] {
            connect.args(["--conf", setting]);
        }
        connect.args([
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "spark-internal",
        ]);
        let connect = Server::start(connect, connect_port, &log("connect.log"));
        Self { connect, workers, master, folder }
    }

    pub(crate) fn address(&self) -> Address {
        self.connect.address().with_token(TOKEN).unwrap()
    }

    /// All of them; a worker's executors are of its group.
    pub(crate) fn servers(&self) -> Vec<&Server> {
        self.workers.iter().chain([&self.master, &self.connect]).collect()
    }

    /// Ends the process of one executor at once, or that of the next one to come where the last was killed just before.
    fn kill_an_executor(&self) {
        let begun = Instant::now();
        while !self.killed_an_executor() {
            assert!(begun.elapsed() < REGISTRATION_MAX, "there is no executor to kill");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn killed_an_executor(&self) -> bool {
        let own = self.folder.path().to_string_lossy().into_owned();
        let executors = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let entry = entry.ok()?;
            let number: i32 = entry.file_name().to_str()?.parse().ok()?;
            let words = fs::read(entry.path().join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).into_owned();
            let folder = fs::read_link(entry.path().join("cwd")).ok()?;
            let is_executor = words.contains("CoarseGrainedExecutorBackend");
            (is_executor && folder.starts_with(&own)).then_some(number)
        });
        let Some(executor) = executors.min().and_then(rustix::process::Pid::from_raw) else { return false };
        rustix::process::kill_process(executor, rustix::process::Signal::KILL).is_ok()
    }
}

fn environment(command: &mut Command, home: &Path, folder: &Path) {
    for (name, value) in [
        ("SPARK_HOME", home),
        ("SPARK_WORKER_DIR", &folder.join("work")),
        ("SPARK_LOCAL_DIRS", &folder.join("local")),
    ] {
        command.env(name, value);
    }
    command.env("SPARK_LOCAL_IP", "127.0.0.1").env("SPARK_NO_DAEMONIZE", "1");
}

#[test]
#[ignore = "needs Apache Spark and Java; scripts/test-cluster --spark runs it"]
fn farms_have_the_rows_of_the_native_engine_and_of_the_reference() {
    let spark = Spark::start(128 << 20);
    check_random_farms(&spark.address(), 20);
    check_every_dimension(&spark.address());
    let stranger = sealed_farm(&sessions(20)).asking(&spark.connect.address().with_token("a-guess").unwrap());
    let message = refusal(&stranger);
    assert!(message.contains("the distributed engine failed: ") && !message.contains("a-guess"), "{message}");
}

#[test]
#[ignore = "needs Apache Spark and Java; scripts/test-cluster --spark runs it"]
fn a_worker_that_is_killed_in_the_middle_makes_no_wrong_answer() {
    let records = sessions(SESSIONS);
    let expected = reference::aggregate(&records, &question(), crate::failures::now());
    // The tasks are small, so that there are some on each worker at any time.
    let mut spark = Spark::start(200_000);
    let farm = sealed_farm(&records).asking(&spark.address());
    let begun = Instant::now();
    assert_eq!(*farm.answer(&question()), expected, "with nobody killed");
    println!("with nobody killed: {:?}", begun.elapsed());
    for delay_ms in [200, 600, 1_200, 2_000] {
        check_while(
            &farm,
            &question(),
            &expected,
            &format!("an executor killed after {delay_ms} ms"),
            || {
                std::thread::sleep(Duration::from_millis(delay_ms));
                spark.kill_an_executor();
            },
        );
    }
    check_while(&farm, &question(), &expected, "a worker killed with its executor", || {
        std::thread::sleep(Duration::from_millis(600));
        spark.workers[0].kill();
    });
    assert_eq!(*farm.answer(&question()), expected, "afterwards, by the worker that is left");
}
