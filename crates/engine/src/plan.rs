//! A question translated to the codes of one snapshot.

use std::ops::Range;

use farmtally_columns::{Asker, Axis, BlockView, FarmSnapshot, Values, VolumeSpan};
use farmtally_model::{AggregationQuery, Buckets, GroupBy, Resources, Timestamp, UsageGroupBy};

use crate::edges::Bucketed;
use crate::error::AggregationError;
use crate::keys::KeyLayout;
use crate::lanes::Lanes;
use crate::places::Places;

/// What the rows of an answer are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsOf {
    /// Whole sessions, with all of their lines.
    Sessions,
    /// The lines of one usage type per session.
    UsageTypes,
    /// Each licence line of a session.
    Licenses,
}

/// Codes of the usage types, in the order in which answers show them.
pub(crate) mod usage_code {
    pub(crate) const COMPUTE: u32 = 0;
    pub(crate) const LICENSE: u32 = 1;
    pub(crate) const PERSISTENT_VOLUME: u32 = 2;
    /// How many there are.
    pub(crate) const COUNT: u32 = 3;
}

/// Where a groupBy position finds its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySource {
    Queue,
    Fleet,
    Job,
    User,
    InstanceType,
    /// The usage type of the lines that are counted.
    UsageType,
    /// The licensed product of the line that is counted.
    Product,
    /// There is no second position.
    Nothing,
}

/// A groupBy position: where rows have its code, and in which place each code stands.
#[derive(Debug)]
pub(crate) struct Position {
    pub(crate) source: KeySource,
    pub(crate) places: Places,
}

/// A volume that the question asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlannedVolume {
    pub(crate) fleet: u32,
    pub(crate) span: VolumeSpan,
}

/// A question, ready to be scanned for.
#[derive(Debug)]
pub(crate) struct AggregationPlan<'a> {
    pub(crate) snapshot: &'a FarmSnapshot,
    /// The running sessions, if there are any, ended at the instant of the question.
    pub(crate) running: Option<BlockView>,
    pub(crate) volumes: Vec<PlannedVolume>,
    pub(crate) buckets: Buckets,
    pub(crate) group_by: GroupBy,
    pub(crate) rows_of: RowsOf,
    /// The groupBy positions; a missing one has no place but "no value".
    pub(crate) positions: [Position; 2],
    pub(crate) keys: KeyLayout,
    /// Whether buckets are so long that few sessions are cut.
    pub(crate) has_long_buckets: bool,
    /// The vector kernels, if the processor has what they need and keys fit.
    pub(crate) lanes: Option<Lanes>,
    /// As whom blocks know the question.
    pub(crate) asker: Asker,
    filter: Filter,
}

/// Length from which on a bucket is long: several times that of most sessions.
const LONG_BUCKET_MS: i64 = 6 * 3_600_000;

/// Which codes of which column are asked for.
#[derive(Debug)]
struct Filter {
    axis: Axis,
    wanted: Vec<bool>,
}

impl Filter {
    fn new(snapshot: &FarmSnapshot, resources: &Resources) -> Self {
        match (resources.queue_ids(), resources.fleet_ids()) {
            (Some(ids), _) => Self { axis: Axis::Queue, wanted: wanted(snapshot.queues(), ids) },
            (_, ids) => {
                Self { axis: Axis::Fleet, wanted: wanted(snapshot.fleets(), ids.unwrap_or_default()) }
            }
        }
    }

    fn is_wanted(&self, queue: u32, fleet: u32) -> bool {
        self.wanted[(if self.axis == Axis::Queue { queue } else { fleet }) as usize]
    }

    /// The codes that are asked for.
    fn codes(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.wanted).filter(|(_, wanted)| **wanted).map(|(code, _)| code)
    }
}

fn wanted<V: Clone + PartialEq>(values: &Values<V>, ids: &[V]) -> Vec<bool> {
    values.iter().map(|value| ids.contains(value)).collect()
}

impl<'a> AggregationPlan<'a> {
    /// Translates a question, and ends everything that still runs at `now`.
    pub(crate) fn new(
        snapshot: &'a FarmSnapshot,
        query: &AggregationQuery,
        now: Timestamp,
    ) -> Result<Self, AggregationError> {
        let filter = Filter::new(snapshot, query.resources());
        let group_by = query.group_by();
        let rows_of = if group_by.contains(UsageGroupBy::LicenseProduct) {
            RowsOf::Licenses
        } else if group_by.contains(UsageGroupBy::UsageType) {
            RowsOf::UsageTypes
        } else {
            RowsOf::Sessions
        };
        let running = snapshot
            .running_at(now.millis(), |queue, fleet| filter.is_wanted(queue, fleet))
            .map_err(|error| AggregationError::SessionAccruedTooMuch { session_id: error.session_id })?;
        let volumes = if rows_of == RowsOf::UsageTypes && filter.axis == Axis::Fleet {
            planned_volumes(snapshot, &filter.wanted, now)?
        } else {
            Vec::new()
        };
        let buckets = query.buckets();
        let positions = positions(snapshot, group_by, &filter);
        let keys = KeyLayout::new(positions.each_ref().map(|position| &position.places))
            .ok_or(AggregationError::TooManyGroups)?;
        let has_long_buckets = has_long_buckets(&buckets);
        let lanes = Lanes::detect().filter(|_| u32::try_from(keys.len).is_ok());
        Ok(Self {
            snapshot,
            running,
            volumes,
            buckets,
            group_by,
            rows_of,
            positions,
            keys,
            has_long_buckets,
            lanes,
            asker: Asker::new(),
            filter,
        })
    }

    /// The same question, but of all queues or fleets, by other groupBy positions of the same rows, and without what still runs and
    /// volumes. `None` when there are more possible groups than a key can number.
    pub(crate) fn of_all(&self, positions: [Position; 2]) -> Option<Self> {
        let keys = KeyLayout::new(positions.each_ref().map(|position| &position.places))?;
        Some(Self {
            running: None,
            volumes: Vec::new(),
            lanes: Lanes::detect().filter(|_| u32::try_from(keys.len).is_ok()),
            positions,
            keys,
            buckets: self.buckets.clone(),
            filter: Filter { axis: self.filter.axis, wanted: vec![true; self.filter.wanted.len()] },
            ..*self
        })
    }

    /// The window in milliseconds since 1970.
    pub(crate) fn window_ms(&self) -> Range<i64> {
        self.buckets.window_ms()
    }

    /// Whether the question does not leave a queue out.
    pub(crate) fn is_queue_wanted(&self, queue: u32) -> bool {
        self.filter.axis == Axis::Fleet || self.filter.wanted[queue as usize]
    }

    /// Whether the question does not leave a fleet out.
    pub(crate) fn is_fleet_wanted(&self, fleet: u32) -> bool {
        self.filter.axis == Axis::Queue || self.filter.wanted[fleet as usize]
    }

    /// Whether sessions of a queue and a fleet are asked for.
    pub(crate) fn is_wanted(&self, queue: u32, fleet: u32) -> bool {
        self.filter.is_wanted(queue, fleet)
    }

    /// For each code of what the question filters by whether it is asked for.
    pub(crate) fn wanted_axis_codes(&self) -> &[bool] {
        &self.filter.wanted
    }

    /// How many codes there are of what a groupBy position tells apart.
    pub(crate) fn code_count(&self, source: KeySource) -> u32 {
        let codes = match source {
            KeySource::Queue => self.snapshot.queues().len(),
            KeySource::Fleet => self.snapshot.fleets().len(),
            KeySource::Job => self.snapshot.jobs().len(),
            KeySource::User => self.snapshot.users().len(),
            KeySource::InstanceType => self.snapshot.instance_types().len(),
            KeySource::UsageType => usage_code::COUNT as usize,
            KeySource::Product => self.snapshot.products().len(),
            KeySource::Nothing => 0,
        };
        // Codes have 32 bits.
        u32::try_from(codes).unwrap_or(u32::MAX)
    }

    /// What groupBy positions tell apart.
    pub(crate) fn sources(&self) -> [KeySource; 2] {
        self.positions.each_ref().map(|position| position.source)
    }

    /// What the question filters by.
    pub(crate) fn axis(&self) -> Axis {
        self.filter.axis
    }
}

/// The first and the last bucket may be clipped, and all others are about equal.
fn has_long_buckets(buckets: &Buckets) -> bool {
    let mut first = (0..buckets.len()).take(2);
    first.any(|bucket| buckets.end_ms(bucket) - buckets.start_ms(bucket) >= LONG_BUCKET_MS)
}

fn positions(snapshot: &FarmSnapshot, group_by: GroupBy, filter: &Filter) -> [Position; 2] {
    let mut positions =
        [(); 2].map(|()| Position { source: KeySource::Nothing, places: Places::Fixed { codes: 0 } });
    for (position, field) in positions.iter_mut().zip(group_by.fields()) {
        *position = match field {
            UsageGroupBy::QueueId if filter.axis == Axis::Queue => Position {
                source: KeySource::Queue,
                places: Places::only(snapshot.queue_ranks(), filter.codes()),
            },
            UsageGroupBy::FleetId if filter.axis == Axis::Fleet => Position {
                source: KeySource::Fleet,
                places: Places::only(snapshot.fleet_ranks(), filter.codes()),
            },
            UsageGroupBy::QueueId => all(KeySource::Queue, snapshot.queue_ranks()),
            UsageGroupBy::FleetId => all(KeySource::Fleet, snapshot.fleet_ranks()),
            UsageGroupBy::JobId => all(KeySource::Job, snapshot.job_ranks()),
            UsageGroupBy::UserId => all(KeySource::User, snapshot.user_ranks()),
            UsageGroupBy::InstanceType => all(KeySource::InstanceType, snapshot.instance_type_ranks()),
            UsageGroupBy::LicenseProduct => all(KeySource::Product, snapshot.product_ranks()),
            UsageGroupBy::UsageType => {
                Position { source: KeySource::UsageType, places: Places::Fixed { codes: usage_code::COUNT } }
            }
        };
    }
    positions
}

fn all(source: KeySource, ranks: std::sync::Arc<farmtally_columns::Ranks>) -> Position {
    Position { source, places: Places::all(ranks) }
}

fn planned_volumes(
    snapshot: &FarmSnapshot,
    wanted_fleets: &[bool],
    now: Timestamp,
) -> Result<Vec<PlannedVolume>, AggregationError> {
    let mut planned = Vec::new();
    for volume in snapshot.volumes().iter().filter(|volume| wanted_fleets[volume.fleet as usize]) {
        let span = volume
            .span_at(now.millis())
            .ok_or(AggregationError::VolumeAccruedTooMuch { volume_id: volume.volume_id() })?;
        planned.extend(span.map(|span| PlannedVolume { fleet: volume.fleet, span }));
    }
    Ok(planned)
}
