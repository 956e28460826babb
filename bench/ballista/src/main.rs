//! Ballista's scheduler, its executor and a client of it, each a subcommand of one program, for `bench/distributed --ballista`.
//!
//! What is not set by a flag is as in Ballista's own library, but for functions over lists, which executors of Ballista 55 lack.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use ballista::prelude::SessionContextExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::functions_nested::all_default_nested_functions;
use datafusion::prelude::SessionContext;
use serde_json::{Value, json};

/// The allocator that Ballista's own executor is built with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: farmtally-ballista scheduler|executor|ask --NAME VALUE…";
/// As in Ballista's own scheduler, whose planner is recursive.
const STACK_BYTES: usize = 32 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    env_logger::init();
    let mut words = std::env::args().skip(1);
    let command = words.next().ok_or(USAGE)?;
    let flags = Flags::parse(words)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build()?;
    match command.as_str() {
        "scheduler" => runtime.block_on(scheduler(&flags)),
        "executor" => runtime.block_on(executor(&flags)),
        "ask" => ask(&runtime, &flags),
        _ => Err(USAGE.into()),
    }
}

/// The flags of a command: each has a value.
struct Flags(HashMap<String, String>);

impl Flags {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut flags = HashMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or(USAGE)?;
            flags.insert(name.to_owned(), words.next().ok_or(USAGE)?);
        }
        Ok(Self(flags))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// Puts the value of a flag, if it is given, in the place of what is there.
    fn replace<T>(&self, name: &str, value: &mut T) -> Result<(), Box<dyn Error>>
    where
        T: std::str::FromStr<Err: Error + 'static>,
    {
        if let Some(text) = self.0.get(name) {
            *value = text.parse()?;
        }
        Ok(())
    }
}

async fn scheduler(flags: &Flags) -> Result<(), Box<dyn Error>> {
    let mut config = SchedulerConfig::default();
    flags.replace("host", &mut config.bind_host)?;
    flags.replace("port", &mut config.bind_port)?;
    flags.replace("executor-timeout-seconds", &mut config.executor_timeout_seconds)?;
    flags.replace("expire-interval-seconds", &mut config.expire_dead_executor_interval_seconds)?;
    flags.replace("no-executors-grace-seconds", &mut config.no_executors_grace_period_seconds)?;
    let address = format!("{}:{}", config.bind_host, config.bind_port).parse()?;
    let cluster = BallistaCluster::new_from_config(&config).await?;
    Ok(start_server(cluster, address, Arc::new(config)).await?)
}

async fn executor(flags: &Flags) -> Result<(), Box<dyn Error>> {
    // Without them an executor refuses `range`, which clients and scheduler plan with.
    let mut functions = BallistaFunctionRegistry::default();
    let nested = all_default_nested_functions().into_iter().map(|of| (of.name().to_owned(), of));
    functions.scalar_functions.extend(nested);
    let mut config = ExecutorProcessConfig {
        override_function_registry: Some(Arc::new(functions)),
        work_dir: flags.text("work-dir"),
        scheduler_host: "127.0.0.1".to_owned(),
        ..ExecutorProcessConfig::default()
    };
    flags.replace("host", &mut config.bind_host)?;
    flags.replace("port", &mut config.port)?;
    flags.replace("grpc-port", &mut config.grpc_port)?;
    flags.replace("scheduler-port", &mut config.scheduler_port)?;
    flags.replace("vcores", &mut config.vcores)?;
    flags.replace("heartbeat-seconds", &mut config.executor_heartbeat_interval_seconds)?;
    Ok(start_executor_process(Arc::new(config)).await?)
}

/// Answers each line of input, a statement or a file and a statement after a tab, with a line of JSON.
fn ask(runtime: &tokio::runtime::Runtime, flags: &Flags) -> Result<(), Box<dyn Error>> {
    let scheduler = flags.text("scheduler").ok_or("ask needs --scheduler HOST:PORT")?;
    let context = runtime.block_on(SessionContext::remote(&format!("df://{scheduler}")))?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (file, sql) = line.split_once('\t').unwrap_or(("", &line));
        let reply = runtime
            .block_on(answer(&context, sql, file))
            .unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    Ok(())
}

/// Answers a statement, and writes its rows to a file of Arrow unless the file's name is empty. What is timed is from the statement to
/// the rows in memory.
async fn answer(context: &SessionContext, sql: &str, file: &str) -> Result<Value, Box<dyn Error>> {
    let began = Instant::now();
    let frame = context.sql(sql).await?;
    let schema = Arc::clone(frame.schema().inner());
    let batches = frame.collect().await?;
    let seconds = began.elapsed().as_secs_f64();
    if !file.is_empty() {
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let mut writer = FileWriter::try_new(File::create(file)?, &schema)?;
        for batch in &batches {
            writer.write(batch)?;
        }
        writer.finish()?;
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let first = batches
        .iter()
        .find(|batch| batch.num_rows() > 0 && batch.num_columns() > 0)
        .map(|batch| array_value_to_string(batch.column(0), 0))
        .transpose()?;
    Ok(json!({ "seconds": seconds, "rows": rows, "first": first }))
}
