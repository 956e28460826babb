//! Groups become rows: codes are replaced by values, and values and rows are put in the order of answers.

use std::cmp::Reverse;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{Amounts, GroupValue, StatisticsRow, StatisticsTable, UsageGroupBy, UsageType};
use hashbrown::HashMap;

use crate::error::AggregationError;
use crate::groups::{Accumulator, GroupEntry};
use crate::limits::AggregationControl;
use crate::plan::{AggregationPlan, usage_code};
use crate::volumes::ABSENT;

/// Makes the answer.
pub(crate) fn finish(
    plan: &AggregationPlan<'_>,
    mut entries: Vec<GroupEntry>,
    control: &AggregationControl<'_>,
) -> Result<StatisticsTable, AggregationError> {
    let rows_max = control.limits.rows_max;
    if entries.len() > rows_max {
        return Err(AggregationError::TooManyRows { rows_max });
    }
    let ranks = [rank_values(plan, &entries, 0), rank_values(plan, &entries, 1)];
    for entry in &mut entries {
        entry.codes = [ranks[0].rank_of(entry.codes[0]), ranks[1].rank_of(entry.codes[1])];
    }
    entries.sort_unstable_by_key(|entry| (Reverse(entry.bucket), entry.codes));
    let rows = entries.iter().map(|entry| row(plan, entry)).collect();
    Ok(StatisticsTable { group_by: plan.group_by, values: ranks.map(|ranks| ranks.values), rows })
}

fn row(plan: &AggregationPlan<'_>, entry: &GroupEntry) -> StatisticsRow {
    let Accumulator { count, cost_sum, cost_min, cost_max, runtime_sum, runtime_min, runtime_max } =
        entry.accumulator;
    StatisticsRow {
        bucket: plan.buckets.range(entry.bucket as usize),
        values: entry.codes,
        count,
        cost: Amounts { sum: cost_sum, min: cost_min, max: cost_max },
        runtime: Amounts { sum: runtime_sum, min: runtime_min, max: runtime_max },
    }
}

/// The values of one groupBy position in order, and the place of each code among them.
struct Ranks {
    values: Vec<GroupValue>,
    rank_by_code: HashMap<u32, u32>,
}

impl Ranks {
    fn rank_of(&self, code: u32) -> u32 {
        self.rank_by_code.get(&code).copied().unwrap_or(0)
    }
}

fn rank_values(plan: &AggregationPlan<'_>, entries: &[GroupEntry], position: usize) -> Ranks {
    let Some(field) = plan.group_by.fields().nth(position) else {
        return Ranks { values: Vec::new(), rank_by_code: HashMap::new() };
    };
    let mut codes: Vec<u32> = entries.iter().map(|entry| entry.codes[position]).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut coded: Vec<(GroupValue, u32)> =
        codes.into_iter().map(|code| (group_value(plan.snapshot, field, code), code)).collect();
    coded.sort_unstable();
    let mut ranks = Ranks { values: Vec::new(), rank_by_code: HashMap::with_capacity(coded.len()) };
    for (value, code) in coded {
        // Two codes can mean the same: a volume has no instance type, and neither have some sessions.
        if ranks.values.last() != Some(&value) {
            ranks.values.push(value);
        }
        ranks.rank_by_code.insert(code, u32::try_from(ranks.values.len() - 1).unwrap_or(u32::MAX));
    }
    ranks
}

fn group_value(snapshot: &FarmSnapshot, field: UsageGroupBy, code: u32) -> GroupValue {
    match field {
        UsageGroupBy::InstanceType if code == ABSENT => GroupValue::InstanceType(None),
        _ if code == ABSENT => GroupValue::Absent,
        UsageGroupBy::QueueId => GroupValue::Queue(*snapshot.queues().get(code)),
        UsageGroupBy::FleetId => GroupValue::Fleet(*snapshot.fleets().get(code)),
        UsageGroupBy::JobId => {
            let job = snapshot.jobs().get(code);
            GroupValue::Job(job.job_id, job.name.clone())
        }
        UsageGroupBy::UserId => GroupValue::User(snapshot.users().get(code).clone()),
        UsageGroupBy::InstanceType => GroupValue::InstanceType(snapshot.instance_types().get(code).clone()),
        UsageGroupBy::LicenseProduct => GroupValue::LicenseProduct(snapshot.products().get(code).clone()),
        UsageGroupBy::UsageType => GroupValue::usage_type(match code {
            usage_code::COMPUTE => UsageType::Compute,
            usage_code::LICENSE => UsageType::License,
            _ => UsageType::PersistentVolume,
        }),
    }
}
