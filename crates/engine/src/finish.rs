//! Finished groups become an answer: lists are joined, what was found in several places is merged, and places become
//! values.

use std::cmp::Reverse;
use std::hint::black_box;
use std::iter::Peekable;
use std::sync::Arc;

use farmtally_columns::{FarmSnapshot, Job, Values};
use farmtally_model::{
    GroupValue, GroupValues, StatisticsTable, Stretch, TableRows, UsageGroupBy, UsageType, UserId,
    ValueSource, ValuesByCode,
};

use crate::accumulator::Accumulator;
use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::output::Part;
use crate::plan::{AggregationPlan, usage_code};
use crate::scan::Found;
use crate::seen::NumberSet;

/// Makes the answer.
pub(crate) fn finish(
    plan: &AggregationPlan<'_>,
    found: Found,
    control: &AggregationControl<'_>,
) -> Result<StatisticsTable, AggregationError> {
    let seen = seen(plan, &found);
    let mut values: [GroupValues; 2] = Default::default();
    let mut values_by_code: [ValuesByCode; 2] = Default::default();
    for (position, field) in plan.group_by.fields().enumerate() {
        (values[position], values_by_code[position]) = group_values(plan, position, field, &seen[position]);
    }
    let rows = Join::new(plan, found, values_by_code).join();
    control.check(rows.len(), 0)?;
    Ok(StatisticsTable { group_by: plan.group_by, values, rows })
}

/// The places that occur in the answer.
fn seen(plan: &AggregationPlan<'_>, found: &Found) -> [NumberSet; 2] {
    let mut seen = plan.positions.each_ref().map(|position| NumberSet::new(position.places.len()));
    for output in &found.outputs {
        for (seen, other) in seen.iter_mut().zip(&output.seen.places) {
            seen.extend(other);
        }
    }
    for (_, places, _) in found.wide.iter() {
        for (seen, place) in seen.iter_mut().zip(places) {
            seen.insert(place);
        }
    }
    seen
}

/// Lists and wide groups on their way to one order.
struct Join<'a> {
    plan: &'a AggregationPlan<'a>,
    parts: Vec<Part>,
    /// Whether parts of one bucket can have groups in common.
    outputs_overlap: bool,
    wide: Vec<(usize, [u32; 2], Accumulator)>,
    rows: TableRows,
}

impl<'a> Join<'a> {
    fn new(plan: &'a AggregationPlan<'a>, found: Found, values_by_code: [ValuesByCode; 2]) -> Self {
        let wide = found.wide.iter().map(|(bucket, places, group)| (bucket, places, *group)).collect();
        let mut parts = Vec::new();
        let mut lists = Vec::new();
        for output in found.outputs {
            let before = lists.len();
            let own = output.parts.into_iter().filter(|part| !part.rows.is_empty());
            parts.extend(own.map(|part| Part { list: before + part.list, ..part }));
            lists.extend(output.lists);
        }
        if found.outputs_overlap {
            parts.sort_by_key(|part| Reverse(part.bucket));
        }
        let rows = TableRows::new(lists, plan.keys.second_bits, values_by_code);
        Self { plan, parts, outputs_overlap: found.outputs_overlap, wide, rows }
    }

    /// All rows by bucket, newest first, and inside a bucket by place.
    fn join(mut self) -> TableRows {
        let parts = std::mem::take(&mut self.parts);
        let wide = std::mem::take(&mut self.wide);
        let mut wide = wide.as_slice();
        for parts in parts.chunk_by(|one, other| one.bucket == other.bucket) {
            let bucket = parts[0].bucket;
            wide = self.push_wide_after(bucket, wide);
            let of_bucket = wide.iter().take_while(|(of, _, _)| *of == bucket).count();
            if of_bucket == 0 && (parts.len() == 1 || !self.outputs_overlap) {
                for part in parts {
                    self.rows.push_stretch(self.stretch(part));
                }
            } else {
                self.merge(parts, &wide[..of_bucket]);
            }
            wide = &wide[of_bucket..];
        }
        for (bucket, places, group) in wide {
            self.rows.push(group.row(self.plan.buckets.range(*bucket), *places));
        }
        self.rows.free_unused_lists();
        self.rows
    }

    fn stretch(&self, part: &Part) -> Stretch {
        Stretch { bucket: self.plan.buckets.range(part.bucket), list: part.list, rows: part.rows.clone() }
    }

    /// Appends the wide groups of the buckets after one that comes next, and gives back the others.
    fn push_wide_after<'w>(
        &mut self,
        bucket: usize,
        wide: &'w [(usize, [u32; 2], Accumulator)],
    ) -> &'w [(usize, [u32; 2], Accumulator)] {
        let later = wide.iter().take_while(|(of, _, _)| *of > bucket).count();
        for (bucket, places, group) in &wide[..later] {
            self.rows.push(group.row(self.plan.buckets.range(*bucket), *places));
        }
        &wide[later..]
    }

    /// Appends the groups of one bucket that lie in several places.
    fn merge(&mut self, parts: &[Part], wide: &[(usize, [u32; 2], Accumulator)]) {
        let bucket = self.plan.buckets.range(parts[0].bucket);
        // Where each source goes on: the wide groups, then the parts.
        let mut starts = vec![0; 1 + parts.len()];
        loop {
            let merged = {
                let wide = wide[starts[0]..].iter().map(|(_, places, group)| (*places, *group));
                let mut sources = vec![(Box::new(wide) as Groups<'_>).peekable()];
                for (part, start) in parts.iter().zip(&starts[1..]) {
                    let rows = self.rows.list(part.list, part.rows.start + start..part.rows.end);
                    let groups = rows.map(|row| (row.codes, Accumulator::from(&row)));
                    sources.push((Box::new(groups) as Groups<'_>).peekable());
                }
                merge_some(sources, &mut starts, MERGED_AT_ONCE)
            };
            if merged.is_empty() {
                return;
            }
            self.rows.extend(merged.into_iter().map(|(places, group)| group.row(bucket, places)));
        }
    }
}

/// Groups of one bucket, ascending by place.
type Groups<'a> = Box<dyn Iterator<Item = ([u32; 2], Accumulator)> + 'a>;

/// Groups that are merged before they become rows: a group on its way is several times as large as a row.
const MERGED_AT_ONCE: usize = 16 * 1024;

/// The next groups of several sources, each ascending, in one order. Adds to `taken` how many each source gave.
fn merge_some<I: Iterator<Item = ([u32; 2], Accumulator)>>(
    mut sources: Vec<Peekable<I>>,
    taken: &mut [usize],
    at_most: usize,
) -> Vec<([u32; 2], Accumulator)> {
    let mut groups = Vec::new();
    while groups.len() < at_most {
        let firsts = sources.iter_mut().filter_map(|source| source.peek().map(|group| group.0));
        let Some(next) = firsts.min() else { break };
        let mut whole = Accumulator::EMPTY;
        for (source, taken) in sources.iter_mut().zip(&mut *taken) {
            if let Some((_, group)) = source.next_if(|group| group.0 == next) {
                whole.merge(&group);
                *taken += 1;
            }
        }
        groups.push((next, whole));
    }
    groups
}

/// Values of an answer from which on they are looked up when somebody asks for one. Fewer take no time, and hold nothing of the farm.
const LOOKED_UP_MIN: usize = 4096;

/// The values of the places of a groupBy position that occur, and which of them each place has.
fn group_values(
    plan: &AggregationPlan<'_>,
    position: usize,
    field: UsageGroupBy,
    seen: &NumberSet,
) -> (GroupValues, ValuesByCode) {
    let places = &plan.positions[position].places;
    let numbered = ValuesByCode::numbered(seen.iter());
    let codes = numbered.codes().iter().map(|place| places.code(*place));
    let is_long = codes.len() >= LOOKED_UP_MIN;
    let values = match is_long.then(|| dictionary(plan.snapshot, field)).flatten() {
        Some(source) => GroupValues::coded(codes.map(|code| code.unwrap_or(NO_VALUE)).collect(), source),
        None => codes.map(|code| group_value(plan.snapshot, field, code)).collect(),
    };
    (values, numbered)
}

/// Where the values of a field are looked up; `None` for one that has few.
fn dictionary(snapshot: &FarmSnapshot, field: UsageGroupBy) -> Option<Arc<dyn ValueSource>> {
    match field {
        UsageGroupBy::JobId => Some(Arc::new(Dictionary {
            values: snapshot.jobs().unranked(),
            group_value: of_job,
            text: name_of_job,
        })),
        UsageGroupBy::UserId => Some(Arc::new(Dictionary {
            values: snapshot.users().unranked(),
            group_value: of_user,
            text: UserId::as_str,
        })),
        _ => None,
    }
}

/// In the place of a code where there is no value. No dictionary has as many.
const NO_VALUE: u32 = u32::MAX;

/// The values of one dictionary, as they were when it was asked.
struct Dictionary<V> {
    values: Values<V>,
    group_value: fn(&V) -> GroupValue,
    /// The text of a value, which lies by itself.
    text: fn(&V) -> &str,
}

impl<V: Clone + Send + Sync> ValueSource for Dictionary<V> {
    fn value(&self, code: u32) -> GroupValue {
        if code == NO_VALUE { GroupValue::Absent } else { (self.group_value)(self.values.get(code)) }
    }

    fn touch(&self, codes: &[u32]) {
        let codes = codes.iter().filter(|code| **code != NO_VALUE);
        let firsts = codes.filter_map(|code| (self.text)(self.values.get(*code)).bytes().next());
        black_box(firsts.fold(0, u8::wrapping_add));
    }
}

fn of_job(job: &Job) -> GroupValue {
    GroupValue::Job(job.job_id, job.name.clone())
}

fn name_of_job(job: &Job) -> &str {
    job.name.as_str()
}

fn of_user(user: &UserId) -> GroupValue {
    GroupValue::User(user.clone())
}

fn group_value(snapshot: &FarmSnapshot, field: UsageGroupBy, code: Option<u32>) -> GroupValue {
    let Some(code) = code else {
        return match field {
            UsageGroupBy::InstanceType => GroupValue::InstanceType(None),
            _ => GroupValue::Absent,
        };
    };
    match field {
        UsageGroupBy::QueueId => GroupValue::Queue(*snapshot.queues().get(code)),
        UsageGroupBy::FleetId => GroupValue::Fleet(*snapshot.fleets().get(code)),
        UsageGroupBy::JobId => of_job(snapshot.jobs().get(code)),
        UsageGroupBy::UserId => of_user(snapshot.users().get(code)),
        UsageGroupBy::InstanceType => GroupValue::InstanceType(snapshot.instance_types().get(code).clone()),
        UsageGroupBy::LicenseProduct => GroupValue::LicenseProduct(snapshot.products().get(code).clone()),
        UsageGroupBy::UsageType => GroupValue::usage_type(match code {
            usage_code::COMPUTE => UsageType::Compute,
            usage_code::LICENSE => UsageType::License,
            _ => UsageType::PersistentVolume,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_merged_the_same_however_few_at_once() {
        let group = |place: u32| {
            let mut group = Accumulator::EMPTY;
            group.add(u64::from(place), 1);
            ([place, 0], group)
        };
        let sources: [Vec<_>; 3] =
            [vec![1, 4, 6], vec![], vec![1, 2, 6, 9]].map(|places| places.into_iter().map(group).collect());
        let merged = |at_most| {
            let (mut all, mut taken) = (Vec::new(), vec![0; sources.len()]);
            loop {
                let rest = sources
                    .iter()
                    .zip(&taken)
                    .map(|(source, from)| source[*from..].iter().copied().peekable());
                let some = merge_some(rest.collect(), &mut taken, at_most);
                if some.is_empty() {
                    return all;
                }
                all.extend(some);
            }
        };
        let whole = merged(100);
        assert_eq!(whole.iter().map(|(places, _)| places[0]).collect::<Vec<_>>(), [1, 2, 4, 6, 9]);
        for at_most in 1..6 {
            assert_eq!(merged(at_most), whole);
        }
    }
}
