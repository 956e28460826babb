//! Groups become rows: codes are replaced by values, and values and rows are put in the order of answers.

use farmtally_columns::FarmSnapshot;
use farmtally_model::{
    Amounts, GroupValue, StatisticsRow, StatisticsTable, TimeRange, UsageGroupBy, UsageType,
};

use crate::error::AggregationError;
use crate::groups::{Accumulator, SortedGroups};
use crate::limits::AggregationControl;
use crate::plan::{AggregationPlan, usage_code};
use crate::volumes::{ABSENT, VolumeGroup};

/// Makes the answer.
pub(crate) fn finish(
    plan: &AggregationPlan<'_>,
    sessions: SortedGroups,
    volumes: &[VolumeGroup],
    control: &AggregationControl<'_>,
) -> Result<StatisticsTable, AggregationError> {
    match sessions {
        SortedGroups::Narrow(sessions) => Answer { plan, sessions: &sessions, volumes }.table(control),
        SortedGroups::Wide(sessions) => Answer { plan, sessions: &sessions, volumes }.table(control),
    }
}

/// An answer in codes, on its way to values.
struct Answer<'a, A> {
    plan: &'a AggregationPlan<'a>,
    /// Ascending by number, so all groups of a bucket lie together.
    sessions: &'a [(u64, A)],
    volumes: &'a [VolumeGroup],
}

impl<A: Copy + Into<Accumulator>> Answer<'_, A> {
    fn table(&self, control: &AggregationControl<'_>) -> Result<StatisticsTable, AggregationError> {
        let rows_max = control.limits.rows_max;
        if self.sessions.len() + self.volumes.len() > rows_max {
            return Err(AggregationError::TooManyRows { rows_max });
        }
        let ranks = [self.ranks(0), self.ranks(1)];
        let rows = self.rows(&ranks);
        Ok(StatisticsTable { group_by: self.plan.group_by, values: ranks.map(|ranks| ranks.values), rows })
    }

    /// Rows by bucket, newest first, and inside a bucket by rank.
    fn rows(&self, ranks: &[Ranks; 2]) -> Vec<StatisticsRow> {
        let mut rows = Vec::with_capacity(self.sessions.len() + self.volumes.len());
        let mut order: Vec<([u32; 2], usize)> = Vec::new();
        let mut sessions = self.sessions;
        let mut volumes = self.volumes;
        while let Some(bucket) = self.newest_bucket(sessions, volumes) {
            let from = sessions.partition_point(|(number, _)| self.plan.numbering.bucket(*number) < bucket);
            let volumes_from = volumes.partition_point(|volume| (volume.bucket as u64) < bucket);
            order.clear();
            order.extend(
                (from..sessions.len())
                    .map(|index| (ranks_of(ranks, self.plan.numbering.codes(sessions[index].0)), index)),
            );
            let first_volume = sessions.len();
            order.extend(
                (volumes_from..volumes.len())
                    .map(|index| (ranks_of(ranks, volumes[index].codes), first_volume + index)),
            );
            order.sort_unstable();
            let range = self.plan.buckets.range(usize::try_from(bucket).unwrap_or(usize::MAX));
            let accumulator = |index: usize| match index.checked_sub(first_volume) {
                None => sessions[index].1.into(),
                Some(volume) => volumes[volume].accumulator,
            };
            // Codes of two names of one job mean the same job, and their groups are one row.
            rows.extend(order.chunk_by(|one, other| one.0 == other.0).map(|same| {
                let mut whole = accumulator(same[0].1);
                for (_, index) in &same[1..] {
                    whole.merge(&accumulator(*index));
                }
                row(range, same[0].0, &whole)
            }));
            (sessions, volumes) = (&sessions[..from], &volumes[..volumes_from]);
        }
        rows
    }

    fn newest_bucket(&self, sessions: &[(u64, A)], volumes: &[VolumeGroup]) -> Option<u64> {
        let of_sessions = sessions.last().map(|(number, _)| self.plan.numbering.bucket(*number));
        let of_volumes = volumes.last().map(|volume| volume.bucket as u64);
        of_sessions.max(of_volumes)
    }

    /// The values that occur in one groupBy position, in order.
    fn ranks(&self, position: usize) -> Ranks {
        let Some(field) = self.plan.group_by.fields().nth(position) else { return Ranks::default() };
        let mut occurs = vec![false; self.plan.cardinalities[position]];
        for (number, _) in self.sessions {
            occurs[self.plan.numbering.codes(*number)[position] as usize] = true;
        }
        let mut occurs_absent = false;
        for volume in self.volumes {
            match occurs.get_mut(volume.codes[position] as usize) {
                Some(occurs) => *occurs = true,
                None => occurs_absent = true,
            }
        }
        let codes = (0..).zip(&occurs).filter(|(_, occurs)| **occurs).map(|(code, _)| code);
        let codes = codes.chain(occurs_absent.then_some(ABSENT));
        let coded = codes.map(|code| (group_value(self.plan.snapshot, field, code), code)).collect();
        Ranks::new(coded, occurs.len())
    }
}

fn row(bucket: TimeRange, values: [u32; 2], accumulator: &Accumulator) -> StatisticsRow {
    let Accumulator { count, cost_sum, cost_min, cost_max, runtime_sum, runtime_min, runtime_max } =
        *accumulator;
    StatisticsRow {
        bucket,
        values,
        count,
        cost: Amounts { sum: cost_sum, min: cost_min, max: cost_max },
        runtime: Amounts { sum: runtime_sum, min: runtime_min, max: runtime_max },
    }
}

/// The values of one groupBy position in order, and the place of each code among them.
#[derive(Debug, Default)]
struct Ranks {
    values: Vec<GroupValue>,
    by_code: Vec<u32>,
    of_absent: u32,
}

impl Ranks {
    fn new(mut coded: Vec<(GroupValue, u32)>, cardinality: usize) -> Self {
        coded.sort_unstable();
        let mut ranks =
            Self { values: Vec::with_capacity(coded.len()), by_code: vec![0; cardinality], of_absent: 0 };
        for (value, code) in coded {
            // Two codes can mean the same: two names of a job, or no instance type of a volume and of a session.
            if ranks.values.last() != Some(&value) {
                ranks.values.push(value);
            }
            let rank = u32::try_from(ranks.values.len() - 1).unwrap_or(u32::MAX);
            match ranks.by_code.get_mut(code as usize) {
                Some(of_code) => *of_code = rank,
                None => ranks.of_absent = rank,
            }
        }
        ranks
    }

    fn of(&self, code: u32) -> u32 {
        self.by_code.get(code as usize).copied().unwrap_or(self.of_absent)
    }
}

fn ranks_of(ranks: &[Ranks; 2], codes: [u32; 2]) -> [u32; 2] {
    [ranks[0].of(codes[0]), ranks[1].of(codes[1])]
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
