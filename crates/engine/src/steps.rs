//! What the scan does one after the other: blocks, and groups of blocks whose summaries stand for all of them.

use std::collections::HashMap;
use std::ops::Range;

use farmtally_columns::{
    BlockGroup, BlockView, Class, Cube, CubeKind, Detail, GROUP_LEN, GroupMember, SessionBlock, Summary,
};

use crate::block_keys::BlockKeys;
use crate::cube_scan;
use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::plan::AggregationPlan;

/// For each of [`Class::ALL`] whether a group stands for its sessions.
pub(crate) type Summed = [bool; 2];

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Step<'a> {
    /// The rows of a block that has columns, its own summaries or what it remembers, but for the classes that a group has summed.
    Block(BlockStep<'a>),
    /// The summaries of one class of a group, which lies in one bucket as a whole.
    Group(GroupStep<'a>),
}

/// The rows of a block that has columns.
#[derive(Debug, Clone)]
pub(crate) struct BlockStep<'a> {
    pub(crate) view: &'a BlockView,
    /// The classes that a group has summed.
    pub(crate) summed: Summed,
    /// What pieces have codes of, if the block is to remember those of the question.
    pub(crate) details: Option<[Detail; 2]>,
}

/// The summaries of one class of a group.
#[derive(Debug, Clone)]
pub(crate) struct GroupStep<'a> {
    group: &'a BlockGroup,
    pub(crate) bucket: usize,
    end_ms: i64,
    cubes: Vec<(CubeKind, Cube<'a>)>,
}

impl GroupStep<'_> {
    /// Adds the summaries to the sums of their bucket.
    pub(crate) fn add_to(&self, plan: &AggregationPlan<'_>, sums: &mut [Summary]) {
        let keys = BlockKeys::new(plan, &self.group.codes(), None);
        cube_scan::add_cubes(plan.axis(), &keys, &self.cubes, sums);
    }
}

impl<'a> Step<'a> {
    fn of_block(view: &'a BlockView, summed: Summed) -> Self {
        Self::Block(BlockStep { view, summed, details: None })
    }

    /// The block, if it is one.
    pub(crate) fn block(&self) -> Option<&'a SessionBlock> {
        match self {
            Self::Block(step) => Some(step.view.block()),
            Self::Group(_) => None,
        }
    }

    /// The buckets in which something of the step can lie, among those that are asked for.
    pub(crate) fn buckets(&self, plan: &AggregationPlan<'_>, asked: &Range<usize>) -> Option<Range<usize>> {
        match self {
            Self::Block(step) => buckets_of(plan, asked, step.view.block()),
            Self::Group(step) => asked.contains(&step.bucket).then_some(step.bucket..step.bucket + 1),
        }
    }

    fn end_ms(&self) -> i64 {
        match self {
            Self::Block(step) => step.view.block().columns_span_ms().map_or(i64::MIN, |(_, end_ms)| end_ms),
            Self::Group(step) => step.end_ms,
        }
    }
}

/// The buckets in which something of a block's columns can lie, among those that are asked for.
fn buckets_of(
    plan: &AggregationPlan<'_>,
    asked: &Range<usize>,
    block: &SessionBlock,
) -> Option<Range<usize>> {
    let window_ms = plan.buckets.start_ms(asked.start)..plan.buckets.end_ms(asked.end - 1);
    let (start_ms, end_ms) = block.columns_span_ms()?;
    if start_ms >= window_ms.end || end_ms <= window_ms.start {
        return None;
    }
    let first = plan.buckets.index_of(start_ms.max(window_ms.start));
    let last = plan.buckets.index_of(end_ms.min(window_ms.end) - 1);
    Some(first..last + 1)
}

/// Puts steps in the order in which the scan takes them: those that end last first.
pub(crate) fn put_latest_first(steps: &mut [Step<'_>]) {
    steps.sort_by_cached_key(|step| std::cmp::Reverse(step.end_ms()));
}

/// Each block of the window as a step, without any group.
pub(crate) fn of_blocks<'a>(views: &[&'a BlockView]) -> Vec<Step<'a>> {
    views.iter().map(|view| Step::of_block(view, Summed::default())).collect()
}

/// Whether groups can answer a question, and some may lie in a bucket: so few blocks for each bucket fill no group.
pub(crate) fn have_use(plan: &AggregationPlan<'_>, blocks: usize) -> bool {
    blocks / GROUP_LEN >= plan.buckets.len() && !cube_scan::kinds(plan).is_empty()
}

/// The steps that add everything of the window once. The outlines of the blocks were checked.
pub(crate) fn with_groups<'a>(
    plan: &AggregationPlan<'a>,
    views: &[&'a BlockView],
    control: &AggregationControl<'_>,
) -> Result<Vec<Step<'a>>, AggregationError> {
    let kinds = cube_scan::kinds(plan);
    let summed = HashMap::with_capacity(views.len());
    let mut found = GroupsFound { plan, control, kinds, steps: Vec::new(), summed };
    for root in plan.snapshot.groups() {
        found.add(root, Summed::default())?;
    }
    let GroupsFound { mut steps, summed, .. } = found;
    let of_view = |view: &'a BlockView| {
        let block = view.block();
        let summed = summed.get(&address(block)).copied().unwrap_or_default();
        let is_done = summed != Summed::default()
            && Class::ALL
                .into_iter()
                .all(|class| summed[class as usize] || block.class_span_ms(class).is_none());
        (!is_done).then_some(Step::of_block(view, summed))
    };
    steps.extend(views.iter().filter_map(|view| of_view(view)));
    Ok(steps)
}

/// What a block is known by while a question lasts.
pub(crate) fn address(block: *const SessionBlock) -> usize {
    block.addr()
}

/// The groups whose summaries are used.
struct GroupsFound<'p, 'a> {
    plan: &'p AggregationPlan<'a>,
    control: &'p AggregationControl<'p>,
    kinds: &'static [CubeKind],
    steps: Vec<Step<'a>>,
    /// By the addresses of blocks.
    summed: HashMap<usize, Summed>,
}

impl<'a> GroupsFound<'_, 'a> {
    /// Uses the highest groups that lie in one bucket, each class by itself.
    fn add(&mut self, member: &'a GroupMember, mut summed: Summed) -> Result<(), AggregationError> {
        let group = match member {
            GroupMember::Group(group) => group,
            GroupMember::Block(block) => {
                if summed != Summed::default() {
                    self.summed.insert(address(block.as_ptr()), summed);
                }
                return Ok(());
            }
        };
        if self.starts_lie_in_one_bucket(group) {
            for (class, summed) in Class::ALL.into_iter().zip(&mut summed) {
                if !*summed && let Some(step) = self.step(group, class)? {
                    *summed = true;
                    self.steps.push(Step::Group(step));
                }
            }
        }
        group.members().iter().try_for_each(|member| self.add(member, summed))
    }

    /// Whether a group may lie in one bucket. Only then its blocks were looked at before, because all of them are in the window.
    fn starts_lie_in_one_bucket(&self, group: &BlockGroup) -> bool {
        let window = self.plan.window_ms();
        group.starts_ms().is_some_and(|(first_ms, last_ms)| {
            let buckets = &self.plan.buckets;
            window.start <= first_ms
                && last_ms < window.end
                && buckets.index_of(first_ms) == buckets.index_of(last_ms)
        })
    }

    fn step(&self, group: &'a BlockGroup, class: Class) -> Result<Option<GroupStep<'a>>, AggregationError> {
        let Some(span_ms) = group.class_span_ms(class) else { return Ok(None) };
        let Some(bucket) = cube_scan::bucket_of(self.plan, span_ms) else { return Ok(None) };
        let mut cubes = Vec::with_capacity(self.kinds.len());
        for kind in self.kinds {
            let cube = group.cube_of(class, self.plan.axis(), *kind, &|| self.control.check(0, 0))?;
            let Some(cube) = cube else { return Ok(None) };
            cubes.push((*kind, cube));
        }
        Ok(Some(GroupStep { group, bucket, end_ms: span_ms.1, cubes }))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;

    use farmtally_columns::FarmColumns;
    use farmtally_model::{
        AggregationQuery, FleetId, GroupBy, InstanceType, LineCost, Period, QueueId, Record, Resources,
        Session, Span, Statistic, StatisticSet, TimeRange, Timestamp, UsageGroupBy, UtcOffset,
    };

    use super::*;
    use crate::limits::AggregationLimits;
    use crate::rollup_scan;
    use crate::twin::{Numbers, session, table};

    static NOT_CANCELLED: AtomicBool = AtomicBool::new(false);
    const MINUTE_MS: i64 = 60_000;
    const START_MS: i64 = 1_760_000_000_000;

    /// A session of few kinds.
    fn small(numbers: &mut Numbers, index: u64, step_ms: i64) -> Record<LineCost> {
        let Record::Session(session) = session(numbers, index) else { unreachable!("sessions are drawn") };
        let length_ms = session.span.ended_at().unwrap().millis() - session.span.started_at().millis();
        let start_ms = START_MS + step_ms * i64::try_from(index + numbers.below(120)).unwrap();
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let mut kind = || u8::try_from(numbers.below(2)).unwrap();
        Record::Session(Session {
            queue_id: QueueId::from_bytes([kind(); 16]),
            fleet_id: FleetId::from_bytes([kind(); 16]),
            instance_type: (kind() == 0).then(|| InstanceType::new("m5.large").unwrap()),
            span: Span::new(at(start_ms), Some(at(start_ms + length_ms))).unwrap(),
            ..session
        })
    }

    /// Blocks of so many sessions, the starts of which follow each other by `step_ms`.
    fn farm(
        numbers: &mut Numbers,
        blocks: u64,
        sessions: u64,
        step_ms: i64,
    ) -> (FarmColumns, Vec<Record<LineCost>>) {
        let records: Vec<_> = (0..blocks * sessions).map(|index| small(numbers, index, step_ms)).collect();
        let mut columns = FarmColumns::default();
        for records in records.chunks(usize::try_from(sessions).unwrap()) {
            columns.apply(records, &[]);
            columns.seal();
        }
        (columns, records)
    }

    fn question(
        is_of_queues: bool,
        (start_ms, end_ms): (i64, i64),
        period: Option<Period>,
        fields: &[UsageGroupBy],
    ) -> AggregationQuery {
        let resources = if is_of_queues {
            Resources::queues([QueueId::from_bytes([1; 16])]).unwrap()
        } else {
            Resources::fleets([0, 1].map(|fleet| FleetId::from_bytes([fleet; 16]))).unwrap()
        };
        // Windows have whole hours.
        let at = |millis: i64| Timestamp::from_millis(millis - millis.rem_euclid(60 * MINUTE_MS)).unwrap();
        let window = TimeRange::new(at(start_ms), at(end_ms)).unwrap();
        let statistics = StatisticSet::new(Statistic::ALL).unwrap();
        AggregationQuery::new(
            resources,
            window,
            UtcOffset::UTC,
            period,
            GroupBy::new(fields).unwrap(),
            statistics,
        )
        .unwrap()
    }

    fn control() -> AggregationControl<'static> {
        let limits = AggregationLimits { rows_max: 1, bytes_max: 1, threads: NonZeroUsize::MIN };
        AggregationControl { limits, cancelled: &NOT_CANCELLED }
    }

    /// The steps of a scan that has sums.
    fn steps<'a>(plan: &AggregationPlan<'a>) -> Vec<Step<'a>> {
        let views: Vec<_> = plan.snapshot.blocks().iter().collect();
        if !have_use(plan, views.len()) {
            return of_blocks(&views);
        }
        with_groups(plan, &views, &control()).unwrap()
    }

    fn groups_used(plan: &AggregationPlan<'_>) -> usize {
        let steps = steps(plan);
        steps.iter().filter(|step| step.block().is_none()).count()
    }

    #[test]
    fn summaries_give_the_same_bits_as_the_plain_path_whatever_was_removed_and_wherever_the_window_cuts() {
        use UsageGroupBy::{FleetId, InstanceType, LicenseProduct, QueueId, UsageType, UserId};
        let fields: [&[UsageGroupBy]; 7] = [
            &[QueueId],
            &[FleetId],
            &[InstanceType],
            &[QueueId, UsageType],
            &[FleetId, LicenseProduct],
            &[InstanceType, QueueId],
            &[UserId],
        ];
        let (mut used, mut rolled_up, mut rows) = ([0; 7], [0; 7], 0);
        for case in 1..=8 {
            let mut numbers = Numbers(0x9e37_79b9 * case);
            let (blocks, sessions) = (60 + numbers.below(30), 250 + numbers.below(150));
            let (mut columns, records) = farm(&mut numbers, blocks, sessions, MINUTE_MS);
            let total = blocks * sessions;
            for _ in 0..3 {
                let snapshot = columns.snapshot();
                for index in 0..14 {
                    let fields = fields[index % 7];
                    let end_ms = START_MS + i64::try_from(total).unwrap() * MINUTE_MS;
                    let mut cut = || i64::try_from(numbers.below(total / 4)).unwrap() * MINUTE_MS;
                    let window = match index % 3 {
                        0 => (START_MS - 3 * 86_400_000, end_ms + 5 * 86_400_000),
                        1 => (START_MS + cut(), end_ms - cut()),
                        _ => (START_MS + cut(), end_ms + 5 * 86_400_000),
                    };
                    let period =
                        [None, Some(Period::Weekly), Some(Period::Monthly)][(index + 1 + index / 7) % 3];
                    let query = question(index % 2 == 0, window, period, fields);
                    let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
                    used[index % 7] += groups_used(&plan);
                    let plain = table(&plan, true, 1);
                    rows += plain.rows.len();
                    // At first rows are read, then rollups are made, and then they are there.
                    for threads in [1, 2, 1, 2, 1] {
                        let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
                        assert_eq!(table(&plan, false, threads), plain, "{query:?} on {threads} threads");
                    }
                    rolled_up[index % 7] += usize::from(rollup_scan::answer_a_part(&plan));
                }
                let removed = usize::try_from(numbers.below(total)).unwrap();
                columns.apply(&[], &records[removed..=removed]);
            }
        }
        let [summed @ .., by_user] = used;
        assert!(summed.iter().all(|used| *used >= 40) && by_user == 0, "{used:?}");
        assert!(rolled_up.iter().all(|used| *used >= 20), "{rolled_up:?}");
        assert!(rows > 2_000, "{rows}");
    }

    #[test]
    fn threads_that_share_buckets_add_each_group_once() {
        let (columns, _) = farm(&mut Numbers(11), 240, 280, 20_000);
        let snapshot = columns.snapshot();
        for fields in [UsageGroupBy::QueueId, UsageGroupBy::UsageType, UsageGroupBy::LicenseProduct] {
            let window = (START_MS - 2 * 86_400_000, START_MS + 16 * 86_400_000);
            let query = question(true, window, Some(Period::Daily), &[fields]);
            let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
            assert!(groups_used(&plan) >= 4, "{}", groups_used(&plan));
            let plain = table(&plan, true, 1);
            for threads in 1..=2 {
                assert_eq!(table(&plan, false, threads), plain, "{query:?} on {threads} threads");
            }
        }
    }

    #[test]
    fn a_bucket_of_many_whole_blocks_is_answered_by_few_groups_and_the_blocks_at_its_edges() {
        let (columns, _) = farm(&mut Numbers(7), 150, 250, MINUTE_MS);
        let snapshot = columns.snapshot();
        let days = |start: i64, end: i64| (START_MS + start * 86_400_000, START_MS + end * 86_400_000);
        let count = |window, period| {
            let query = question(false, window, period, &[UsageGroupBy::FleetId]);
            let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
            let mut steps = steps(&plan);
            let blocks = steps.iter().filter(|step| step.block().is_some()).count();
            put_latest_first(&mut steps);
            let ends: Vec<i64> = steps.iter().map(Step::end_ms).collect();
            assert!(ends.is_sorted_by(|earlier, later| earlier >= later));
            (steps.len() - blocks, blocks)
        };
        // 150 blocks are two groups of 64, two of 8 and 6 blocks; each group is a step for short and one for long sessions.
        assert_eq!(count(days(-1, 60), None), (8, 6));
        // Hours hold no block.
        assert_eq!(count(days(-1, 60), Some(Period::Hourly)), (0, 150));
        // In the first days there is no group.
        assert_eq!(count(days(-1, 1), None), (0, 150));
        let (groups, blocks) = count(days(3, 20), None);
        assert!(
            (4..30).contains(&groups) && (50..=100).contains(&blocks),
            "{groups} groups, {blocks} blocks"
        );
    }

    #[test]
    fn groups_are_not_made_for_a_question_that_was_cancelled() {
        let (columns, _) = farm(&mut Numbers(5), 16, 280, MINUTE_MS);
        let snapshot = columns.snapshot();
        let window = (START_MS, START_MS + 30 * 86_400_000);
        let query = question(false, window, None, &[UsageGroupBy::FleetId]);
        let plan = AggregationPlan::new(&snapshot, &query, Timestamp::MAX).unwrap();
        let views: Vec<_> = snapshot.blocks().iter().collect();
        let cancelled = AtomicBool::new(true);
        let control = AggregationControl { cancelled: &cancelled, ..control() };
        assert_eq!(with_groups(&plan, &views, &control).unwrap_err(), AggregationError::Cancelled);
        assert!(groups_used(&plan) > 0);
    }
}
