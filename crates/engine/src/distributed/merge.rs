//! Groups of several engines in one answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use farmtally_columns::FarmSnapshot;
use farmtally_model::{
    AggregationQuery, Amounts, Buckets, GroupBy, GroupValue, GroupValues, JobId, JobName, StatisticsRow,
    StatisticsTable, UsageGroupBy,
};
use hashbrown::HashMap;

use crate::accumulator::Accumulator;
use crate::error::AggregationError;
use crate::limits::AggregationLimits;

/// Bytes that a group takes until the answer is finished, about.
const GROUP_BYTES: usize = 144;

/// The name that each job of a farm goes by, whatever part of the farm was counted.
#[derive(Debug, Clone, Default)]
pub struct JobNames(HashMap<JobId, JobName>);

impl JobNames {
    /// The names, if a question needs them.
    pub fn of(snapshot: &FarmSnapshot, group_by: GroupBy) -> Self {
        if !group_by.contains(UsageGroupBy::JobId) {
            return Self::default();
        }
        Self(snapshot.jobs().iter().map(|job| (job.job_id, job.name.clone())).collect())
    }
}

/// What was counted of one group of one bucket, at least one session or volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Sessions or volumes.
    pub count: u64,
    /// Costs in nano-dollars.
    pub cost: Amounts,
    /// Runtimes in milliseconds.
    pub runtime: Amounts,
}

/// The groups of one question, in whatever order and from however many engines they come.
#[derive(Debug)]
pub struct MergedGroups {
    group_by: GroupBy,
    buckets: Buckets,
    limits: AggregationLimits,
    job_names: JobNames,
    codes: [BTreeMap<GroupValue, u32>; 2],
    groups: HashMap<(Reverse<usize>, [u32; 2]), Accumulator>,
}

impl MergedGroups {
    /// No groups yet.
    pub fn new(query: &AggregationQuery, limits: AggregationLimits, job_names: JobNames) -> Self {
        Self {
            group_by: query.group_by(),
            buckets: query.buckets(),
            limits,
            job_names,
            codes: Default::default(),
            groups: HashMap::new(),
        }
    }

    /// The buckets of the question.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// A job under the name that it goes by, if the farm has it.
    pub fn job(&self, job_id: JobId) -> Option<GroupValue> {
        self.job_names.0.get(&job_id).map(|name| GroupValue::Job(job_id, name.clone()))
    }

    /// The number of a value of a groupBy position (0 or 1), the same for the same value.
    pub fn code(&mut self, position: usize, value: GroupValue) -> u32 {
        let codes = &mut self.codes[position];
        let next = u32::try_from(codes.len()).unwrap_or(u32::MAX);
        *codes.entry(value).or_insert(next)
    }

    /// Adds a group; what was counted before under the same values of the same bucket is merged with it.
    pub fn add(&mut self, bucket: usize, codes: [u32; 2], group: Group) -> Result<(), AggregationError> {
        let sum = self.groups.entry((Reverse(bucket), codes)).or_insert(Accumulator::EMPTY);
        sum.merge(&Accumulator::from(group));
        let AggregationLimits { rows_max, bytes_max, .. } = self.limits;
        if self.groups.len() > rows_max {
            return Err(AggregationError::TooManyRows { rows_max });
        }
        if self.groups.len() > bytes_max / GROUP_BYTES {
            return Err(AggregationError::TooMuchMemory { bytes_max });
        }
        Ok(())
    }

    /// Adds the rows of an answer to the same question over other records. Jobs in it are called by the names that they go by.
    pub fn add_table(&mut self, table: &StatisticsTable) -> Result<(), AggregationError> {
        let codes = [0, 1].map(|position| self.codes_of(position, &table.values[position]));
        for row in table.rows.iter() {
            let code =
                |position: usize| codes[position].get(row.values[position] as usize).copied().unwrap_or(0);
            let bucket = self.buckets.index_of(row.bucket.start().millis());
            let group = Group { count: row.count, cost: row.cost, runtime: row.runtime };
            self.add(bucket, [code(0), code(1)], group)?;
        }
        Ok(())
    }

    fn codes_of(&mut self, position: usize, values: &GroupValues) -> Vec<u32> {
        let named = |value: GroupValue| match value {
            GroupValue::Job(job_id, _) => self.job(job_id).unwrap_or(value),
            other => other,
        };
        let values: Vec<GroupValue> = values.iter().map(named).collect();
        values.into_iter().map(|value| self.code(position, value)).collect()
    }

    /// The answer: values and rows in their order.
    pub fn finish(self) -> StatisticsTable {
        let Self { group_by, buckets, codes, groups, .. } = self;
        let ordered = codes.map(in_order);
        let places = ordered.each_ref().map(|(places, _)| places);
        let place = |position: usize, code: u32| places[position].get(code as usize).copied().unwrap_or(0);
        let mut rows: Vec<_> = groups
            .into_iter()
            .map(|((bucket, codes), sum)| ((bucket, [place(0, codes[0]), place(1, codes[1])]), sum))
            .collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        let row =
            |((Reverse(bucket), values), sum): ((Reverse<usize>, [u32; 2]), Accumulator)| -> StatisticsRow {
                sum.row(buckets.range(bucket), values)
            };
        let rows = rows.into_iter().map(row).collect();
        StatisticsTable { group_by, values: ordered.map(|(_, values)| values.into()), rows }
    }
}

/// Where each code stands among the values, and the values in order.
fn in_order(codes: BTreeMap<GroupValue, u32>) -> (Vec<u32>, Vec<GroupValue>) {
    let mut places = vec![0; codes.len()];
    let mut values = Vec::with_capacity(codes.len());
    for (place, (value, code)) in (0..).zip(codes) {
        places[code as usize] = place;
        values.push(value);
    }
    (places, values)
}

impl From<Group> for Accumulator {
    fn from(group: Group) -> Self {
        Self::of(group.count, group.cost, group.runtime)
    }
}
