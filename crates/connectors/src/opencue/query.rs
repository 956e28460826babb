//! The statements for OpenCue's tables, and the way from their rows to frames.

use farmtally_ingest::{OpenCueAllocation, OpenCueFrame, OpenCueJob};
use tokio_postgres::{Client, Error, Row};

/// Keys that are asked for at a time.
pub(super) const KEYS_PER_QUESTION: usize = 10_000;

/// One view of the data for a whole part.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const NOW: &str = "SELECT extract(epoch FROM current_timestamp)::bigint, coalesce(max(int_ts_stopped), 0)::bigint \
                   FROM frame_history";
/// The first second behind so many rows, as far as rows are settled.
const EDGE: &str = "SELECT int_ts_stopped::bigint + 1 FROM frame_history \
                    WHERE int_ts_stopped > 0 AND int_ts_stopped >= $1::bigint AND int_ts_stopped < $2::bigint \
                    ORDER BY int_ts_stopped OFFSET $3::bigint LIMIT 1";
const HAS_HISTORY: &str =
    "SELECT to_regclass('frame_history') IS NOT NULL AND to_regclass('job_history') IS NOT NULL";
const IS_DISABLED: &str = "SELECT EXISTS (SELECT FROM config WHERE str_key = 'DISABLE_HISTORY')";
const FETCH: &str = "FETCH 10000 FROM farmtally_frames";
pub(super) const FRAMES_AMONG: &str =
    "SELECT pk_frame_history FROM frame_history WHERE pk_frame_history = ANY($1)";
pub(super) const JOBS_AMONG: &str = "SELECT pk_job FROM job_history WHERE pk_job = ANY($1)";

/// A frame's run with what is around it. Its own allocation goes before that of its host, and a host may be gone.
const FRAMES: &str = "SELECT f.pk_frame_history, f.pk_job, f.str_host, f.int_cores::int, f.int_gpus::int, \
    f.int_exit_status::int, f.int_checkpoint_count > 0, f.int_ts_started::bigint, f.int_ts_stopped::bigint, \
    j.str_name, j.str_user, j.pk_show, s.str_name, l.str_services, a.pk_alloc, a.str_name, a.b_billable \
    FROM frame_history f \
    LEFT JOIN job_history j ON j.pk_job = f.pk_job \
    LEFT JOIN show s ON s.pk_show = j.pk_show \
    LEFT JOIN layer_history l ON l.pk_layer = f.pk_layer \
    LEFT JOIN alloc a ON a.pk_alloc = \
        coalesce(f.pk_alloc, (SELECT h.pk_alloc FROM host h WHERE h.str_name = f.str_host LIMIT 1))";

/// Which runs a part has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// The first second in which they stopped.
    pub(super) from: i64,
    /// The first second in which they did not; without one also those that run.
    pub(super) until: Option<i64>,
}

impl Range {
    fn condition(self) -> String {
        let Self { from, until } = self;
        match until {
            Some(until) => {
                format!("f.int_ts_stopped > 0 AND f.int_ts_stopped >= {from} AND f.int_ts_stopped < {until}")
            }
            None => format!("(f.int_ts_stopped = 0 OR f.int_ts_stopped >= {from})"),
        }
    }
}

/// What time it is where the history is written.
pub(super) struct Now {
    /// The database's own clock.
    pub(super) second: i64,
    /// When the latest run stopped; 0 when none did.
    pub(super) latest_stop: i64,
}

pub(super) async fn has_history(client: &Client) -> Result<bool, Error> {
    client.query_one(HAS_HISTORY, &[]).await?.try_get(0)
}

pub(super) async fn is_disabled(client: &Client) -> Result<bool, Error> {
    client.query_one(IS_DISABLED, &[]).await?.try_get(0)
}

/// Begins a transaction.
pub(super) async fn begin(client: &Client) -> Result<Now, Error> {
    client.batch_execute(BEGIN).await?;
    let row = client.query_one(NOW, &[]).await?;
    Ok(Now { second: row.try_get(0)?, latest_stop: row.try_get(1)? })
}

/// Ends the transaction, and with it the cursor.
pub(super) async fn end(client: &Client) -> Result<(), Error> {
    client.batch_execute("COMMIT").await
}

/// Where a part of `rows_max` rows ends; none when fewer are left.
pub(super) async fn edge(
    client: &Client,
    from: i64,
    settled_to: i64,
    rows_max: u32,
) -> Result<Option<i64>, Error> {
    let row = client.query_opt(EDGE, &[&from, &settled_to, &i64::from(rows_max.max(1) - 1)]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

/// Makes a cursor over the runs of a part, and counts its rows in `frame_history` itself, without the tables around it.
pub(super) async fn open(client: &Client, range: Range) -> Result<u64, Error> {
    let condition = range.condition();
    let counted =
        client.query_one(&format!("SELECT count(*) FROM frame_history f WHERE {condition}"), &[]).await?;
    let order = "ORDER BY f.int_ts_stopped, f.pk_frame_history";
    client
        .batch_execute(&format!(
            "DECLARE farmtally_frames NO SCROLL CURSOR FOR {FRAMES} WHERE {condition} {order}"
        ))
        .await?;
    Ok(u64::try_from(counted.try_get::<_, i64>(0)?).unwrap_or_default())
}

/// The next page of the cursor; an empty one at its end.
pub(super) async fn fetch(client: &Client) -> Result<Vec<OpenCueFrame>, Error> {
    client.query(FETCH, &[]).await?.iter().map(frame).collect()
}

/// Those of these keys that have a row.
pub(super) async fn among(client: &Client, statement: &str, keys: &[&str]) -> Result<Vec<String>, Error> {
    client.query(statement, &[&keys]).await?.iter().map(|row| row.try_get(0)).collect()
}

fn frame(row: &Row) -> Result<OpenCueFrame, Error> {
    Ok(OpenCueFrame {
        pk_frame_history: row.try_get(0)?,
        pk_job: row.try_get(1)?,
        host: row.try_get(2)?,
        cores: row.try_get(3)?,
        gpus: row.try_get(4)?,
        exit_status: row.try_get(5)?,
        is_checkpoint: row.try_get(6)?,
        started: row.try_get(7)?,
        stopped: row.try_get(8)?,
        job: job(row)?,
        services: row.try_get(13)?,
        allocation: allocation(row)?,
    })
}

fn job(row: &Row) -> Result<Option<OpenCueJob>, Error> {
    let pk_show: Option<String> = row.try_get(11)?;
    let Some(pk_show) = pk_show else { return Ok(None) };
    Ok(Some(OpenCueJob { name: row.try_get(9)?, user: row.try_get(10)?, pk_show, show: row.try_get(12)? }))
}

fn allocation(row: &Row) -> Result<Option<OpenCueAllocation>, Error> {
    let pk_alloc: Option<String> = row.try_get(14)?;
    let Some(pk_alloc) = pk_alloc else { return Ok(None) };
    let is_billable: Option<bool> = row.try_get(16)?;
    Ok(Some(OpenCueAllocation { pk_alloc, name: row.try_get(15)?, is_billable: is_billable.unwrap_or(true) }))
}
