//! Which lines of a record a grouping counts, and what each of them is grouped under.

use farmtally_model::{
    GroupBy, GroupValue, LicenseProduct, LineCost, Record, Session, Usage, UsageGroupBy, UsageLine,
    UsageType, Volume,
};

use super::JobNames;
use super::piece::{InUse, floor};

const MILLIS_PER_HOUR: i128 = 3_600_000;

/// A usage line that counts; a volume is one line too.
pub(super) struct CountedLine {
    pub(super) usage_type: UsageType,
    pub(super) product: Option<LicenseProduct>,
    quantity: u32,
    cost: LineCost,
}

impl CountedLine {
    fn of_session(line: &UsageLine<LineCost>) -> Self {
        let cost = line.cost;
        match &line.usage {
            Usage::Compute => Self { usage_type: UsageType::Compute, product: None, quantity: 1, cost },
            Usage::License { product, quantity } => Self {
                usage_type: UsageType::License,
                product: Some(product.clone()),
                quantity: *quantity,
                cost,
            },
        }
    }

    fn of_volume(volume: &Volume<LineCost>) -> Self {
        Self { usage_type: UsageType::PersistentVolume, product: None, quantity: 1, cost: volume.cost }
    }

    /// What the line costs over the whole use, in nano-dollars. A price is cut to a whole number here and only here.
    pub(super) fn total_cost(&self, in_use: InUse) -> i128 {
        match self.cost {
            LineCost::Total(cost) => cost.nanos().into(),
            LineCost::PerHour(rate) => {
                let nanos_per_hour = i128::from(rate.nanos()) * i128::from(self.quantity);
                floor(nanos_per_hour * in_use.length_ms(), MILLIS_PER_HOUR)
            }
        }
    }
}

/// All lines of a record, or only its licences when the rows are products.
pub(super) fn counted_lines(record: &Record<LineCost>, group_by: GroupBy) -> Vec<CountedLine> {
    let mut lines = all_lines(record);
    if group_by.contains(UsageGroupBy::LicenseProduct) {
        lines.retain(|line| line.usage_type == UsageType::License);
    }
    lines
}

/// All lines of a record.
pub(super) fn all_lines(record: &Record<LineCost>) -> Vec<CountedLine> {
    match record {
        Record::Session(session) => session.usage.as_slice().iter().map(CountedLine::of_session).collect(),
        Record::Volume(volume) => vec![CountedLine::of_volume(volume)],
    }
}

/// What a line of a record is grouped under, in the order of the groupBy fields.
pub(super) fn values_of(
    group_by: GroupBy,
    record: &Record<LineCost>,
    line: &CountedLine,
    job_names: &JobNames,
) -> Vec<GroupValue> {
    let value = |field| match record {
        Record::Session(session) => session_value(field, session, line, job_names),
        Record::Volume(volume) => volume_value(field, volume, line),
    };
    group_by.fields().map(value).collect()
}

fn session_value(
    field: UsageGroupBy,
    session: &Session<LineCost>,
    line: &CountedLine,
    job_names: &JobNames,
) -> GroupValue {
    match field {
        UsageGroupBy::QueueId => GroupValue::Queue(session.queue_id),
        UsageGroupBy::FleetId => GroupValue::Fleet(session.fleet_id),
        UsageGroupBy::JobId => GroupValue::Job(session.job_id, job_names[&session.job_id].clone()),
        UsageGroupBy::UserId => GroupValue::User(session.user_id.clone()),
        UsageGroupBy::UsageType => GroupValue::usage_type(line.usage_type),
        UsageGroupBy::InstanceType => GroupValue::InstanceType(session.instance_type.clone()),
        UsageGroupBy::LicenseProduct => {
            line.product.clone().map_or(GroupValue::Absent, GroupValue::LicenseProduct)
        }
    }
}

fn volume_value(field: UsageGroupBy, volume: &Volume<LineCost>, line: &CountedLine) -> GroupValue {
    match field {
        UsageGroupBy::FleetId => GroupValue::Fleet(volume.fleet_id),
        UsageGroupBy::UsageType => GroupValue::usage_type(line.usage_type),
        UsageGroupBy::InstanceType => GroupValue::InstanceType(None),
        UsageGroupBy::QueueId | UsageGroupBy::JobId | UsageGroupBy::UserId | UsageGroupBy::LicenseProduct => {
            GroupValue::Absent
        }
    }
}
