//! Sessions straight from the typed columns of a Parquet file, without a cell for each value.
//!
//! This is the short way for rows in which everything is as it should be. Whatever is unusual, be it right or wrong, is
//! left to the long way by [`crate::flat_rows`], which alone knows the words of a refusal; both give the same session.

use farmtally_model::{
    DisplayName, FleetId, InstanceType, JobId, JobName, LicenseProduct, NanoUsd, Outcome, QueueId, Record,
    RecordNames, Session, SessionId, Span, Submission, Timestamp, USAGE_LINES_MAX, Usage, UsageLine,
    UsageLines, UsageType, UserId, WorkerId,
};

use crate::column::Column;
use crate::foreign_id::{fleet_id_for_name, job_id_for_name, queue_id_for_name};
use crate::known::{Known, Unusual, Usual, by_id_or_name, named};
use crate::parquet_batch::{Batch, Values};
use crate::record::{SentLine, parse_outcome, parse_usage_type};

/// Decimals of a nano-dollar.
const NANO_DECIMALS: u32 = 9;

/// The short way, with what it knows of the texts of each column.
#[derive(Debug)]
pub(crate) struct TypedSessions {
    /// Where each column is in a batch.
    places: [Option<usize>; Column::COUNT],
    queue_ids: Known<QueueId>,
    /// Names of queues, with the ids that they stand for.
    queue_names: Known<(DisplayName, QueueId)>,
    fleet_ids: Known<FleetId>,
    fleet_names: Known<(DisplayName, FleetId)>,
    job_ids: Known<JobId>,
    job_names: Known<JobName>,
    users: Known<UserId>,
    user_names: Known<DisplayName>,
    workers: Known<WorkerId>,
    instance_types: Known<InstanceType>,
    outcomes: Known<Outcome>,
    usage_types: Known<UsageType>,
    products: Known<LicenseProduct>,
}

impl TypedSessions {
    /// For batches with these columns.
    pub(crate) fn new(columns: &[Column]) -> Self {
        let mut places = [None; Column::COUNT];
        for (place, column) in columns.iter().enumerate() {
            places[*column as usize] = Some(place);
        }
        Self {
            places,
            queue_ids: Known::default(),
            queue_names: Known::default(),
            fleet_ids: Known::default(),
            fleet_names: Known::default(),
            job_ids: Known::default(),
            job_names: Known::default(),
            users: Known::default(),
            user_names: Known::default(),
            workers: Known::default(),
            instance_types: Known::default(),
            outcomes: Known::default(),
            usage_types: Known::default(),
            products: Known::default(),
        }
    }

    /// The rows that come from now on are those of another batch.
    pub(crate) fn begin_batch(&mut self) {
        self.queue_ids.begin_batch();
        self.queue_names.begin_batch();
        self.fleet_ids.begin_batch();
        self.fleet_names.begin_batch();
        self.job_ids.begin_batch();
        self.job_names.begin_batch();
        self.users.begin_batch();
        self.user_names.begin_batch();
        self.workers.begin_batch();
        self.instance_types.begin_batch();
        self.outcomes.begin_batch();
        self.usage_types.begin_batch();
        self.products.begin_batch();
    }

    /// The session that begins in a row, and how many rows it has; `None` when it is not for the short way.
    pub(crate) fn session(&mut self, batch: &Batch, row: usize) -> Option<(Submission, usize)> {
        let rows = self.session_rows(batch, row)?;
        let usage = self.usage(batch, row..row + rows).ok()?;
        let submission = self.submission(batch, row, usage).ok()?;
        Some((submission, rows))
    }

    /// Number of rows of the session that begins in a row. The last session of a batch may go on in the next one.
    fn session_rows(&self, batch: &Batch, row: usize) -> Option<usize> {
        let ids = self.values(batch, Column::SessionId)?;
        let mut end = row + 1;
        while end < batch.rows() && ids.is_same(row, end) {
            end += 1;
        }
        let is_whole = end < batch.rows() && end - row <= USAGE_LINES_MAX;
        let is_session = (row..end).all(|row| self.text(batch, Column::VolumeId, row) == Ok(None));
        let is_one = (row + 1..end).all(|other| self.agree(batch, row, other));
        (is_whole && is_session && is_one).then_some(end - row)
    }

    /// Whether two rows say the same of a session.
    fn agree(&self, batch: &Batch, one: usize, other: usize) -> bool {
        Column::SESSION
            .into_iter()
            .all(|column| self.values(batch, column).is_none_or(|values| values.is_same(one, other)))
    }

    fn submission(
        &mut self,
        batch: &Batch,
        row: usize,
        usage: UsageLines<Option<NanoUsd>>,
    ) -> Usual<Submission> {
        let id = self.text(batch, Column::SessionId, row)?.ok_or(Unusual)?;
        let session_id =
            std::str::from_utf8(id).ok().and_then(|id| SessionId::parse(id).ok()).ok_or(Unusual)?;
        let (queue_id, queue_name) = self.queue(batch, row)?;
        let (fleet_id, fleet_name) = self.fleet(batch, row)?;
        let text = |places: &[Option<usize>; Column::COUNT], column| text_at(places, batch, column, row);
        let job_name =
            self.job_names.in_batch(text(&self.places, Column::JobName)?, |name| JobName::new(name).ok())?;
        let job_name = job_name.ok_or(Unusual)?;
        let job_id = self.job_ids.in_batch(text(&self.places, Column::JobId)?, |id| JobId::parse(id).ok())?;
        let user_id = self.users.in_batch(text(&self.places, Column::UserId)?, |id| UserId::new(id).ok())?;
        let user_name = self
            .user_names
            .in_batch(text(&self.places, Column::UserName)?, |name| DisplayName::new(name).ok())?;
        let worker_id =
            self.workers.in_batch(text(&self.places, Column::WorkerId)?, |id| WorkerId::parse(id).ok())?;
        let instance_type = self
            .instance_types
            .in_batch(text(&self.places, Column::InstanceType)?, |kind| InstanceType::new(kind).ok())?;
        let outcome = self
            .outcomes
            .in_batch(text(&self.places, Column::Outcome)?, |outcome| parse_outcome(outcome).ok())?;
        let session = Session {
            session_id,
            queue_id,
            fleet_id,
            job_id: job_id.unwrap_or_else(|| job_id_for_name(queue_id, job_name.as_str())),
            job_name,
            user_id: user_id.ok_or(Unusual)?,
            worker_id,
            instance_type,
            outcome,
            span: self.span(batch, row)?,
            revision: self.whole(batch, Column::Revision, row)?.unwrap_or(0),
            usage,
        };
        let names = RecordNames { queue: queue_name, fleet: fleet_name, user: user_name };
        Ok(Submission { record: Record::Session(session), names })
    }

    fn queue(&mut self, batch: &Batch, row: usize) -> Usual<(QueueId, Option<DisplayName>)> {
        let (id, name) = (self.text(batch, Column::QueueId, row)?, self.text(batch, Column::QueueName, row)?);
        let named = self.queue_names.in_batch(name, named(queue_id_for_name))?;
        by_id_or_name(self.queue_ids.in_batch(id, |id| QueueId::parse(id).ok())?, named)
    }

    fn fleet(&mut self, batch: &Batch, row: usize) -> Usual<(FleetId, Option<DisplayName>)> {
        let (id, name) = (self.text(batch, Column::FleetId, row)?, self.text(batch, Column::FleetName, row)?);
        let named = self.fleet_names.in_batch(name, named(fleet_id_for_name))?;
        by_id_or_name(self.fleet_ids.in_batch(id, |id| FleetId::parse(id).ok())?, named)
    }

    fn span(&self, batch: &Batch, row: usize) -> Usual<Span> {
        let instant = |column| {
            let millis = self.values(batch, column).map_or(Ok(None), |values| values.millis(row))?;
            millis.map(Timestamp::from_millis).transpose().map_err(|_| Unusual)
        };
        let started_at = instant(Column::StartedAt)?.ok_or(Unusual)?;
        Span::new(started_at, instant(Column::EndedAt)?).map_err(|_| Unusual)
    }

    fn usage(&mut self, batch: &Batch, rows: std::ops::Range<usize>) -> Usual<UsageLines<Option<NanoUsd>>> {
        let lines = rows.map(|row| self.usage_line(batch, row)).collect::<Usual<Vec<_>>>()?;
        UsageLines::new(lines).map_err(|_| Unusual)
    }

    fn usage_line(&mut self, batch: &Batch, row: usize) -> Usual<SentLine> {
        let text = |places: &[Option<usize>; Column::COUNT], column| text_at(places, batch, column, row);
        let usage_type = self.usage_types.in_batch(text(&self.places, Column::UsageType)?, |usage_type| {
            parse_usage_type(usage_type).ok()
        })?;
        let product = self.products.in_batch(text(&self.places, Column::LicenseProduct)?, |product| {
            LicenseProduct::new(product).ok()
        })?;
        let quantity = self.whole(batch, Column::Quantity, row)?;
        let usage = match (usage_type, product, quantity) {
            (None | Some(UsageType::Compute), None, None | Some(1)) => Usage::Compute,
            (Some(UsageType::License), Some(product), None) => Usage::License { product, quantity: 1 },
            (Some(UsageType::License), Some(product), Some(quantity @ 1..)) => {
                Usage::License { product, quantity }
            }
            _ => return Err(Unusual),
        };
        Ok(UsageLine { usage, cost: self.cost(batch, row)? })
    }

    fn cost(&self, batch: &Batch, row: usize) -> Usual<Option<NanoUsd>> {
        let Some(values) = self.values(batch, Column::CostInUsd) else { return Ok(None) };
        let Some((unscaled, scale)) = values.decimal(row)? else { return Ok(None) };
        let decimals = NANO_DECIMALS.checked_sub(scale).ok_or(Unusual)?;
        let nanos = unscaled.checked_mul(10_i128.pow(decimals)).and_then(|nanos| u64::try_from(nanos).ok());
        nanos.and_then(|nanos| NanoUsd::from_nanos(nanos).ok()).map(Some).ok_or(Unusual)
    }

    fn whole(&self, batch: &Batch, column: Column, row: usize) -> Usual<Option<u32>> {
        self.values(batch, column).map_or(Ok(None), |values| values.whole(row))
    }

    fn text<'b>(&self, batch: &'b Batch, column: Column, row: usize) -> Usual<Option<&'b [u8]>> {
        text_at(&self.places, batch, column, row)
    }

    fn values<'b>(&self, batch: &'b Batch, column: Column) -> Option<&'b Values> {
        batch.column(self.places[column as usize]?)
    }
}

fn text_at<'b>(
    places: &[Option<usize>; Column::COUNT],
    batch: &'b Batch,
    column: Column,
    row: usize,
) -> Usual<Option<&'b [u8]>> {
    let values = places[column as usize].and_then(|place| batch.column(place));
    values.map_or(Ok(None), |values| values.text(row))
}

#[cfg(test)]
mod tests;
