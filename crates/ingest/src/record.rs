//! The contract of the interchange form: from cells to a session or volume that keeps it.

use farmtally_model::{
    DisplayName, FleetId, InstanceType, JobId, JobName, LicenseProduct, NanoUsd, Outcome, QueueId, Record,
    RecordNames, Session, SessionError, SessionId, Span, Submission, Usage, UsageLine, UsageLines, UsageType,
    UserId, Volume, VolumeId, WorkerId,
};

use crate::cell::Cells;
use crate::column::Column;
use crate::entry::FieldProblem;
use crate::foreign_id::{fleet_id_for_name, job_id_for_name, queue_id_for_name};

/// A usage line as it was sent.
pub(crate) type SentLine = UsageLine<Option<NanoUsd>>;

/// The session of these cells and usage lines.
pub(crate) fn session(cells: &Cells<'_>, usage: Vec<SentLine>) -> Result<Submission, FieldProblem> {
    let session_id = cells.required_text(Column::SessionId, SessionId::parse)?;
    let names = names(cells)?;
    let queue_id = queue_id(cells, names.queue.as_ref())?;
    let fleet_id = fleet_id(cells, names.fleet.as_ref())?;
    let job_name = cells.required_text(Column::JobName, JobName::new)?;
    let given_job_id = cells.text(Column::JobId, JobId::parse)?;
    let session = Session {
        session_id,
        queue_id,
        fleet_id,
        job_id: given_job_id.unwrap_or_else(|| job_id_for_name(queue_id, job_name.as_str())),
        job_name,
        user_id: cells.required_text(Column::UserId, UserId::new)?,
        worker_id: cells.text(Column::WorkerId, WorkerId::parse)?,
        instance_type: cells.text(Column::InstanceType, InstanceType::new)?,
        outcome: cells.text(Column::Outcome, parse_outcome)?,
        span: span(cells)?,
        revision: cells.integer(Column::Revision)?.unwrap_or(0),
        usage: UsageLines::new(usage).map_err(|error| session_problem(&error))?,
    };
    Ok(Submission { record: Record::Session(session), names })
}

/// The volume of these cells.
pub(crate) fn volume(cells: &Cells<'_>) -> Result<Submission, FieldProblem> {
    let volume_id = cells.required_text(Column::VolumeId, VolumeId::parse)?;
    let names = names(cells)?;
    let volume = Volume {
        volume_id,
        fleet_id: fleet_id(cells, names.fleet.as_ref())?,
        span: span(cells)?,
        revision: cells.integer(Column::Revision)?.unwrap_or(0),
        cost: cells.money(Column::CostInUsd)?,
    };
    Ok(Submission { record: Record::Volume(volume), names })
}

/// The usage line of these cells; without a usage type it is COMPUTE.
pub(crate) fn usage_line(cells: &Cells<'_>) -> Result<SentLine, FieldProblem> {
    let usage = match cells.text(Column::UsageType, parse_usage_type)? {
        None | Some(UsageType::Compute) => compute(cells)?,
        Some(UsageType::License) => license(cells)?,
        Some(UsageType::PersistentVolume) => {
            let message = "PERSISTENT_VOLUME is the usage of a volume; give volumeId in place of sessionId";
            return Err(cells.problem(Column::UsageType, message));
        }
    };
    Ok(UsageLine { usage, cost: cells.money(Column::CostInUsd)? })
}

/// What a session uses when nothing else is said.
pub(crate) const fn compute_line(cost: Option<NanoUsd>) -> SentLine {
    UsageLine { usage: Usage::Compute, cost }
}

fn compute(cells: &Cells<'_>) -> Result<Usage, FieldProblem> {
    if cells.get(Column::LicenseProduct).is_some() {
        return Err(
            cells.problem(Column::LicenseProduct, "licenseProduct belongs to LICENSE lines, not to COMPUTE")
        );
    }
    match cells.integer(Column::Quantity)? {
        None | Some(1) => Ok(Usage::Compute),
        Some(_) => Err(cells.problem(Column::Quantity, "the quantity of a COMPUTE line is 1; leave it out")),
    }
}

fn license(cells: &Cells<'_>) -> Result<Usage, FieldProblem> {
    let product = cells.text(Column::LicenseProduct, LicenseProduct::new)?;
    let product =
        product.ok_or_else(|| cells.missing(Column::LicenseProduct, "; a LICENSE line needs its product"))?;
    Ok(Usage::License { product, quantity: cells.integer(Column::Quantity)?.unwrap_or(1) })
}

fn names(cells: &Cells<'_>) -> Result<RecordNames, FieldProblem> {
    Ok(RecordNames {
        queue: cells.text(Column::QueueName, DisplayName::new)?,
        fleet: cells.text(Column::FleetName, DisplayName::new)?,
        user: cells.text(Column::UserName, DisplayName::new)?,
    })
}

fn queue_id(cells: &Cells<'_>, name: Option<&DisplayName>) -> Result<QueueId, FieldProblem> {
    let given = cells.text(Column::QueueId, QueueId::parse)?;
    given
        .or_else(|| name.map(|name| queue_id_for_name(name.as_str())))
        .ok_or_else(|| cells.missing(Column::QueueId, "; give queueId or queueName"))
}

fn fleet_id(cells: &Cells<'_>, name: Option<&DisplayName>) -> Result<FleetId, FieldProblem> {
    let given = cells.text(Column::FleetId, FleetId::parse)?;
    given
        .or_else(|| name.map(|name| fleet_id_for_name(name.as_str())))
        .ok_or_else(|| cells.missing(Column::FleetId, "; give fleetId or fleetName"))
}

fn span(cells: &Cells<'_>) -> Result<Span, FieldProblem> {
    let started_at = cells.instant(Column::StartedAt)?.ok_or_else(|| cells.missing(Column::StartedAt, ""))?;
    let ended_at = cells.instant(Column::EndedAt)?;
    Span::new(started_at, ended_at).map_err(|error| session_problem(&error))
}

/// The field that a contradiction between fields is reported under.
pub(crate) fn session_problem(error: &SessionError) -> FieldProblem {
    match error {
        SessionError::EndBeforeStart { ended_at, .. } => {
            FieldProblem::new(Column::EndedAt.name(), &ended_at.to_string(), error)
        }
        SessionError::NoUsage
        | SessionError::TooManyLines { .. }
        | SessionError::RepeatedLine { .. }
        | SessionError::TotalTooLarge => FieldProblem::new("usage", "", error),
    }
}

/// The outcome with this text.
pub(crate) fn parse_outcome(text: &str) -> Result<Outcome, String> {
    if text == "CANCELLED" {
        return Ok(Outcome::Canceled);
    }
    let names = || Outcome::ALL.map(|(name, _)| name).join(", ");
    Outcome::parse(text).ok_or_else(|| format!("{:?} is not one of {}", crate::entry::excerpt(text), names()))
}

/// The usage type with this text.
pub(crate) fn parse_usage_type(text: &str) -> Result<UsageType, String> {
    let types = [UsageType::Compute, UsageType::License, UsageType::PersistentVolume];
    let found = types.into_iter().find(|usage_type| usage_type.as_str() == text);
    let names = || types.map(UsageType::as_str).join(", ");
    found.ok_or_else(|| format!("{:?} is not one of {}", crate::entry::excerpt(text), names()))
}
