//! The slow, obvious aggregator: `docs/semantics.md` written down as loops.
//!
//! It exists to disagree with the engine. So it shares no arithmetic with it: no buckets, no spreading of costs and no
//! ordering of the model is used, only the model's words. For every bucket it looks at every record; a question over a
//! year of hours takes its time.
//!
//! The records must be as a farm keeps them, each id once, with costs of at most a billion dollars for each.

mod calendar;
mod counted;
mod piece;
mod rows;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeMap;

use farmtally_model::{
    AggregationQuery, JobId, JobName, LineCost, Record, Session, StatisticsTable, Timestamp, UsageGroupBy,
    Volume,
};

use self::counted::{CountedLine, counted_lines, values_of};
use self::piece::{InUse, Piece};
use self::rows::Rows;

pub use self::usage::{tabulate, tabulate_beside};

/// The name that each job goes by in this farm.
type JobNames = BTreeMap<JobId, JobName>;

/// Answers a question about a farm's records; sessions that still run end at `now`.
pub fn aggregate(records: &[Record<LineCost>], query: &AggregationQuery, now: Timestamp) -> StatisticsTable {
    let job_names = latest_job_names(records);
    let mut rows = Rows::new(query.group_by());
    for bucket in calendar::buckets(query.window(), query.period(), query.offset()) {
        for record in records.iter().filter(|record| is_asked_for(record, query)) {
            let Some(in_use) = InUse::of(record.span(), now) else { continue };
            let Some(piece) = in_use.piece_in(bucket) else { continue };
            add_record(&mut rows, record, piece, query, &job_names);
        }
    }
    rows.into_table()
}

/// Adds one record's piece to the rows that it belongs to: lines that have the same group values are one contribution.
fn add_record(
    rows: &mut Rows,
    record: &Record<LineCost>,
    piece: Piece,
    query: &AggregationQuery,
    job_names: &JobNames,
) {
    let mut contributions: Vec<(Vec<_>, i128)> = Vec::new();
    for line in counted_lines(record, query.group_by()) {
        let values = values_of(query.group_by(), record, &line, job_names);
        let cost = cost_of(&line, piece);
        match contributions.iter_mut().find(|(earlier, _)| *earlier == values) {
            Some((_, sum)) => *sum += cost,
            None => contributions.push((values, cost)),
        }
    }
    for (values, cost) in contributions {
        rows.add(piece.bucket, values, piece.runtime_ms(), cost);
    }
}

/// What a line costs within a piece.
fn cost_of(line: &CountedLine, piece: Piece) -> i128 {
    piece.share_of(line.total_cost(piece.in_use))
}

fn is_asked_for(record: &Record<LineCost>, query: &AggregationQuery) -> bool {
    match record {
        Record::Session(session) => is_session_asked_for(session, query),
        Record::Volume(volume) => is_volume_asked_for(volume, query),
    }
}

fn is_session_asked_for(session: &Session<LineCost>, query: &AggregationQuery) -> bool {
    let by_queue = query.resources().queue_ids().is_some_and(|queues| queues.contains(&session.queue_id));
    let by_fleet = query.resources().fleet_ids().is_some_and(|fleets| fleets.contains(&session.fleet_id));
    by_queue || by_fleet
}

/// A volume has no queue, and only the grouping by usage type keeps its hours apart from those of the workers.
fn is_volume_asked_for(volume: &Volume<LineCost>, query: &AggregationQuery) -> bool {
    let by_fleet = query.resources().fleet_ids().is_some_and(|fleets| fleets.contains(&volume.fleet_id));
    by_fleet && query.group_by().contains(UsageGroupBy::UsageType)
}

/// A job goes by the name that its latest session gave, of two that started together by the greater one, whether or
/// not the question is about that session.
fn latest_job_names(records: &[Record<LineCost>]) -> JobNames {
    let mut latest: BTreeMap<JobId, (Timestamp, &str, &JobName)> = BTreeMap::new();
    for record in records {
        let Record::Session(session) = record else { continue };
        let candidate = (session.span.started_at(), session.job_name.as_str(), &session.job_name);
        let best = latest.entry(session.job_id).or_insert(candidate);
        if (candidate.0, candidate.1) > (best.0, best.1) {
            *best = candidate;
        }
    }
    latest.into_iter().map(|(job_id, (_, _, name))| (job_id, name.clone())).collect()
}
