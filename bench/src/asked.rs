//! A farm in memory that is asked questions.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use farmtally_columns::FarmSnapshot;
use farmtally_engine::{AggregationControl, AggregationLimits, aggregate};
use farmtally_model::{StatisticsTable, Timestamp};
use serde::Serialize;

use crate::answer::{self, Checksum};
use crate::clock::{Cost, measure};
use crate::questions::{Question, questions};
use crate::{records, touched};

/// More rows than any of the questions has at 100 million sessions.
const ROWS_MAX: usize = 100_000_000;

/// A farm, the questions, and the threads that answer.
#[derive(Debug)]
pub(crate) struct AskedFarm {
    snapshot: Arc<FarmSnapshot>,
    questions: Vec<Question>,
    threads: NonZeroUsize,
    /// Whether rollups are forgotten before each answer that is timed.
    is_without_rollups: bool,
}

/// What answering a question took: the line that is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Timing {
    question: &'static str,
    cpu_ms: f64,
    wall_ms: f64,
    rows: usize,
    checksum: Checksum,
}

impl AskedFarm {
    /// A farm of so many sessions; its columns are read from a file if one is given, and written there first if need be.
    pub(crate) fn new(sessions: u64, columns: Option<&Path>, threads: NonZeroUsize) -> std::io::Result<Self> {
        let snapshot = records::snapshot(sessions, columns)?;
        Ok(Self { snapshot, questions: questions(), threads, is_without_rollups: false })
    }

    /// The same, asked with rollups or without.
    pub(crate) fn without_rollups(self, is_without_rollups: bool) -> Self {
        Self { is_without_rollups, ..self }
    }

    /// Its records.
    pub(crate) fn snapshot(&self) -> &FarmSnapshot {
        &self.snapshot
    }

    /// Bytes of all blocks.
    pub(crate) fn column_bytes(&self) -> usize {
        self.snapshot.blocks().iter().map(|view| view.block().image().len()).sum()
    }

    pub(crate) fn questions(&self) -> &[Question] {
        &self.questions
    }

    pub(crate) fn question(&self, name: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.name == name)
    }

    /// Answers a question.
    // Never inlined: the instruction counter switches itself on where this function is entered.
    #[inline(never)]
    pub(crate) fn answer(&self, question: &Question) -> StatisticsTable {
        self.answer_uncounted(question)
    }

    /// Answers a question while the instruction counter stays off.
    pub(crate) fn answer_uncounted(&self, question: &Question) -> StatisticsTable {
        let limits = AggregationLimits { rows_max: ROWS_MAX, bytes_max: usize::MAX, threads: self.threads };
        let control = AggregationControl { limits, cancelled: &AtomicBool::new(false) };
        aggregate(&self.snapshot, &question.query, Timestamp::MAX, &control).expect("within limits")
    }

    /// Answers a question `repeats` times and gives the median times.
    pub(crate) fn time(&self, question: &Question, repeats: usize) -> Timing {
        let mut costs = Vec::new();
        let mut last = None;
        for _ in 0..repeats.max(1) {
            // Dropped before it is asked again, as a process that answers drops it: the room of its rows is used for the next.
            drop(last.take());
            if self.is_without_rollups {
                self.snapshot.forget_asked();
            }
            let (table, cost) = measure(|| self.answer(question));
            costs.push(cost);
            last = Some(table);
        }
        let table = last.expect("at least one repeat");
        Timing {
            question: question.name,
            cpu_ms: median(&costs, |cost| cost.cpu_ms),
            wall_ms: median(&costs, |cost| cost.wall_ms),
            rows: table.rows.len(),
            checksum: Checksum::of(&table),
        }
    }

    /// Writes the answer of a question to a file, and tells how many rows it has.
    pub(crate) fn write_answer(&self, question: &Question, file: &Path) -> std::io::Result<usize> {
        let table = self.answer(question);
        answer::write(&table, file)?;
        Ok(table.rows.len())
    }

    /// Bytes of columns that a question needs.
    pub(crate) fn bytes_touched(&self, question: &Question) -> usize {
        touched::bytes(&self.snapshot, &question.query)
    }
}

fn median(costs: &[Cost], part: impl Fn(&Cost) -> f64) -> f64 {
    let mut parts: Vec<f64> = costs.iter().map(part).collect();
    parts.sort_by(f64::total_cmp);
    parts[parts.len() / 2]
}
