//! Sessions and volumes in the columns of the interchange form, a usage line a row, so that `import` reads them back.
//!
//! Names are what people call things now. A running record's cost by the hour is left out: whoever reads it back prices it.

use std::collections::BTreeMap;

use farmtally_model::{FarmId, LineCost, QueueId, Record, Span, Usage};
use farmtally_store::StoredRecord;

use super::ColumnKind::{Decimal, Instant, Integer, Text};
use super::{Cell, Column, ExportError, Table};
use crate::error::ServiceError;
use crate::month::Month;
use crate::service::Service;

const COLUMNS: [Column; 19] = [
    Column::nullable("sessionId", Text),
    Column::nullable("volumeId", Text),
    Column::nullable("queueId", Text),
    Column::nullable("queueName", Text),
    Column::required("fleetId", Text),
    Column::nullable("fleetName", Text),
    Column::nullable("jobId", Text),
    Column::nullable("jobName", Text),
    Column::nullable("userId", Text),
    Column::nullable("workerId", Text),
    Column::nullable("instanceType", Text),
    Column::nullable("outcome", Text),
    Column::required("startedAt", Instant),
    Column::nullable("endedAt", Instant),
    Column::required("revision", Integer),
    Column::nullable("usageType", Text),
    Column::nullable("licenseProduct", Text),
    Column::nullable("quantity", Integer),
    Column::nullable("costInUsd", Decimal(9)),
];

pub(super) fn table(service: &Service, farm_id: FarmId, month: Month) -> Result<Table, ExportError> {
    let range = month.range().map_err(ServiceError::internal)?;
    let queues = service.store.catalogue().queues(farm_id, None, usize::MAX).map_err(ServiceError::from)?;
    let names = Names {
        queues: queues.into_iter().map(|queue| (queue.id, queue.display_name.to_string())).collect(),
        fleets: service.names_of_fleets(farm_id)?.into_iter().collect(),
    };
    let mut records: Vec<StoredRecord> = Vec::new();
    service.for_each_record(farm_id, range, &mut |stored| {
        let started_at = stored.record.span().started_at();
        if range.start() <= started_at && started_at < range.end() {
            records.push(stored);
        }
    })?;
    // Two exports of the same records are the same bytes.
    records.sort_unstable_by_key(|stored| (stored.record.span().started_at(), stored.record.id()));
    let rows = records.iter().flat_map(|stored| names.rows(&stored.record)).collect();
    Ok(Table { columns: COLUMNS.to_vec(), rows })
}

struct Names {
    queues: BTreeMap<QueueId, String>,
    fleets: BTreeMap<farmtally_model::FleetId, farmtally_model::DisplayName>,
}

impl Names {
    fn rows(&self, record: &Record<LineCost>) -> Vec<Vec<Cell>> {
        let common = self.common(record);
        let with = |line: [Cell; 4]| common.iter().cloned().chain(line).collect();
        match record {
            Record::Session(session) => {
                session.usage.as_slice().iter().map(|line| with(line_cells(&line.usage, line.cost))).collect()
            }
            Record::Volume(volume) => {
                vec![with([Cell::text("PERSISTENT_VOLUME"), Cell::Null, Cell::Null, cost(volume.cost)])]
            }
        }
    }

    /// Everything but the usage line.
    fn common(&self, record: &Record<LineCost>) -> Vec<Cell> {
        let mut cells = match record {
            Record::Session(session) => vec![
                Cell::text(session.session_id),
                Cell::Null,
                Cell::text(session.queue_id),
                Cell::optional(self.queues.get(&session.queue_id)),
                Cell::text(session.fleet_id),
                Cell::optional(self.fleets.get(&session.fleet_id)),
                Cell::text(session.job_id),
                Cell::text(&session.job_name),
                Cell::text(&session.user_id),
                Cell::optional(session.worker_id),
                Cell::optional(session.instance_type.as_ref()),
                Cell::optional(session.outcome.map(farmtally_model::Outcome::as_str)),
            ],
            Record::Volume(volume) => {
                let mut cells = vec![Cell::Null; 12];
                cells[1] = Cell::text(volume.volume_id);
                cells[4] = Cell::text(volume.fleet_id);
                cells[5] = Cell::optional(self.fleets.get(&volume.fleet_id));
                cells
            }
        };
        cells.extend(span_cells(record.span()));
        cells.push(Cell::Number(record.revision().into()));
        cells
    }
}

fn span_cells(span: Span) -> [Cell; 2] {
    [Cell::Instant(span.started_at()), span.ended_at().map_or(Cell::Null, Cell::Instant)]
}

fn line_cells(usage: &Usage, line_cost: LineCost) -> [Cell; 4] {
    match usage {
        Usage::Compute => [Cell::text("COMPUTE"), Cell::Null, Cell::Null, cost(line_cost)],
        Usage::License { product, quantity } => {
            [Cell::text("LICENSE"), Cell::text(product), Cell::Number((*quantity).into()), cost(line_cost)]
        }
    }
}

fn cost(cost: LineCost) -> Cell {
    match cost {
        LineCost::Total(total) => Cell::Number(total.nanos().into()),
        LineCost::PerHour(_) => Cell::Null,
    }
}
