//! The benchmark's own program: it draws the farm, exports it for other engines, and times the eight questions.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(
    clippy::expect_used,
    reason = "the benchmark's own values are valid, and it stops where one is not"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "drawn durations and printed figures"
)]

mod answer;
mod asked;
mod bandwidth;
mod bounds;
mod clock;
mod explore;
#[cfg(feature = "files")]
mod export;
mod farm;
mod kept;
mod questions;
mod random;
mod records;
mod respond;
#[cfg(feature = "files")]
mod sessions_file;
mod touched;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use asked::AskedFarm;
use questions::Question;

/// Draws a farm and times the eight questions on it.
#[derive(Debug, Parser)]
#[command(name = "farmtally-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the farm as Parquet, in integer codes
    #[cfg(feature = "files")]
    Export {
        /// The file to write
        file: PathBuf,
        /// Sessions of the farm
        #[arg(long, default_value_t = 1_000_000)]
        sessions: u64,
    },
    /// Write the farm as a file that `farmtally import` reads: JSON Lines when its name ends in `.jsonl`, else Parquet
    #[cfg(feature = "files")]
    Sessions {
        /// The file to write
        file: PathBuf,
        /// Sessions of the farm
        #[arg(long, default_value_t = 1_000_000)]
        sessions: u64,
    },
    /// Print a line of JSON per question: medians of CPU and wall time, rows, and a checksum
    Time {
        #[command(flatten)]
        farm: FarmArguments,
        /// How often each question is asked
        #[arg(long, default_value_t = 7)]
        repeats: usize,
        /// A folder for the full answers, as rows of ten 64-bit integers
        #[arg(long)]
        answers: Option<PathBuf>,
        /// Only these questions, of `Q1` to `Q8` or of `L1` to `L7`; all of the first when none is given
        #[arg(long, num_args = 1..)]
        questions: Vec<String>,
    },
    /// Answer `time QUESTION`, `answer QUESTION FILE` and `bytes QUESTION`, a line of JSON for each line of input
    Respond {
        #[command(flatten)]
        farm: FarmArguments,
    },
    /// Answer one question once, for a counter of instructions
    Count {
        /// `Q1` to `Q8`
        question: String,
        /// How often it is answered before, which is not counted
        #[arg(long, default_value_t = 0)]
        before: usize,
        #[command(flatten)]
        farm: FarmArguments,
    },
    /// Print a line of JSON per click in the explorer: medians of what its questions cost the engine
    Explore {
        #[command(flatten)]
        farm: FarmArguments,
        /// How often each click is made
        #[arg(long, default_value_t = 7)]
        repeats: usize,
        /// Only the clicks with this in their names
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Measure how fast one thread writes an answer, and adds to sums anywhere in a table; and how long files and syncs take
    Bounds {
        /// A folder that is not there yet, on the disk that is measured; it is removed afterwards
        #[arg(long, default_value = "farmtally-bounds")]
        folder: PathBuf,
    },
    /// Measure how fast memory is read
    Bandwidth {
        /// Threads that read at once
        #[arg(long, default_value_t = NonZeroUsize::MIN)]
        threads: NonZeroUsize,
    },
}

#[derive(Debug, Args)]
struct FarmArguments {
    /// Sessions of the farm
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u64,
    /// Threads that answer
    #[arg(long, default_value_t = NonZeroUsize::MIN)]
    threads: NonZeroUsize,
    /// A file of the farm's columns; it is written if it does not exist
    #[arg(long)]
    columns: Option<PathBuf>,
    /// Forget rollups before each answer that is timed, so that it reads the sessions themselves
    #[arg(long)]
    without_rollups: bool,
}

impl FarmArguments {
    fn build(&self) -> std::io::Result<AskedFarm> {
        let farm = AskedFarm::new(self.sessions, self.columns.as_deref(), self.threads)?;
        Ok(farm.without_rollups(self.without_rollups))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    match Cli::parse().command {
        #[cfg(feature = "files")]
        Command::Export { file, sessions } => export::export(sessions, &file)?,
        #[cfg(feature = "files")]
        Command::Sessions { file, sessions } if file.extension().is_some_and(|end| end == "jsonl") => {
            sessions_file::write_json_lines(sessions, &file)?;
        }
        #[cfg(feature = "files")]
        Command::Sessions { file, sessions } => sessions_file::write_parquet(sessions, &file)?,
        Command::Time { farm, repeats, answers, questions } => {
            time(&farm.build()?, repeats, answers.as_deref(), &questions)?;
        }
        Command::Respond { farm } => {
            respond::respond(&farm.build()?, std::io::stdin().lock(), std::io::stdout().lock())?;
        }
        Command::Count { question, before, farm } => count(&farm.build()?, &question, before),
        Command::Explore { farm, repeats, only } => {
            for explored in explore::explore(farm.build()?.snapshot(), repeats, &only) {
                println!("{}", serde_json::to_string(&explored)?);
            }
        }
        Command::Bounds { folder } => {
            println!("{}", serde_json::to_string(&bounds::measure_in_new(&folder)?)?);
        }
        Command::Bandwidth { threads } => {
            let bytes_per_second = bandwidth::read_bandwidth(threads.get());
            println!("{}", json!({ "threads": threads, "bytes_per_second": bytes_per_second }));
        }
    }
    Ok(())
}

fn time(
    farm: &AskedFarm,
    repeats: usize,
    answers: Option<&Path>,
    only: &[String],
) -> Result<(), Box<dyn Error>> {
    println!("{}", json!({ "column_bytes": farm.column_bytes() }));
    let is_asked = |question: &&Question| only.iter().any(|only| only == question.name);
    let ladder = questions::ladder();
    let asked: Vec<&Question> = if only.is_empty() {
        farm.questions().iter().collect()
    } else {
        farm.questions().iter().chain(&ladder).filter(is_asked).collect()
    };
    for question in asked {
        println!("{}", serde_json::to_string(&farm.time(question, repeats))?);
        if let Some(folder) = answers {
            farm.write_answer(question, &folder.join(format!("{}.i64", question.name)))?;
        }
    }
    Ok(())
}

fn count(farm: &AskedFarm, name: &str, before: usize) {
    let question = farm.question(name).expect("one of the eight questions");
    for _ in 0..before {
        drop(farm.answer_uncounted(question));
    }
    println!("{}", farm.answer(question).rows.len());
}
