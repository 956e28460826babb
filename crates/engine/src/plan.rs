//! A question translated to the codes of one snapshot.

use std::ops::Range;

use farmtally_columns::{BlockView, FarmSnapshot, Values, VolumeSpan};
use farmtally_model::{AggregationQuery, Buckets, GroupBy, Resources, Timestamp, UsageGroupBy};

use crate::error::AggregationError;
use crate::groups::Numbering;

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
    pub(crate) const COUNT: usize = 3;
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
    /// The running sessions, ended at the instant of the question.
    pub(crate) running: BlockView,
    pub(crate) volumes: Vec<PlannedVolume>,
    pub(crate) buckets: Buckets,
    pub(crate) group_by: GroupBy,
    pub(crate) rows_of: RowsOf,
    /// How many codes each groupBy position can have; one where there is no position.
    pub(crate) cardinalities: [usize; 2],
    pub(crate) numbering: Numbering,
    key_sources: [KeySource; 2],
    filter: Filter,
}

/// Which codes of which column are asked for.
#[derive(Debug)]
struct Filter {
    by_queue: bool,
    wanted: Vec<bool>,
}

impl Filter {
    fn new(snapshot: &FarmSnapshot, resources: &Resources) -> Self {
        match (resources.queue_ids(), resources.fleet_ids()) {
            (Some(ids), _) => Self { by_queue: true, wanted: wanted(snapshot.queues(), ids) },
            (_, ids) => Self { by_queue: false, wanted: wanted(snapshot.fleets(), ids.unwrap_or_default()) },
        }
    }

    fn is_wanted(&self, queue: u32, fleet: u32) -> bool {
        self.wanted[(if self.by_queue { queue } else { fleet }) as usize]
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
        let volumes = if rows_of == RowsOf::UsageTypes && !filter.by_queue {
            planned_volumes(snapshot, &filter.wanted, now)?
        } else {
            Vec::new()
        };
        let buckets = query.buckets();
        let cardinalities = cardinalities(snapshot, group_by);
        let numbering =
            Numbering::new(buckets.len(), cardinalities).ok_or(AggregationError::TooManyGroups)?;
        Ok(Self {
            snapshot,
            running,
            volumes,
            buckets,
            group_by,
            rows_of,
            cardinalities,
            numbering,
            key_sources: key_sources(group_by),
            filter,
        })
    }

    /// The window in milliseconds since 1970.
    pub(crate) fn window_ms(&self) -> Range<i64> {
        let window = self.buckets.window();
        window.start().millis()..window.end().millis()
    }

    /// Whether sessions of a queue and a fleet are asked for.
    pub(crate) fn is_wanted(&self, queue: u32, fleet: u32) -> bool {
        self.filter.is_wanted(queue, fleet)
    }

    /// Where the groupBy positions find their codes.
    pub(crate) fn key_sources(&self) -> [KeySource; 2] {
        self.key_sources
    }
}

/// How many codes each groupBy position can have; one where there is no position.
fn cardinalities(snapshot: &FarmSnapshot, group_by: GroupBy) -> [usize; 2] {
    let mut cardinalities = [1; 2];
    for (cardinality, field) in cardinalities.iter_mut().zip(group_by.fields()) {
        *cardinality = match field {
            UsageGroupBy::QueueId => snapshot.queues().len(),
            UsageGroupBy::FleetId => snapshot.fleets().len(),
            UsageGroupBy::JobId => snapshot.jobs().len(),
            UsageGroupBy::UserId => snapshot.users().len(),
            UsageGroupBy::InstanceType => snapshot.instance_types().len(),
            UsageGroupBy::UsageType => usage_code::COUNT,
            UsageGroupBy::LicenseProduct => snapshot.products().len(),
        };
    }
    cardinalities
}

fn key_sources(group_by: GroupBy) -> [KeySource; 2] {
    let mut sources = [KeySource::Nothing; 2];
    for (source, field) in sources.iter_mut().zip(group_by.fields()) {
        *source = match field {
            UsageGroupBy::QueueId => KeySource::Queue,
            UsageGroupBy::FleetId => KeySource::Fleet,
            UsageGroupBy::JobId => KeySource::Job,
            UsageGroupBy::UserId => KeySource::User,
            UsageGroupBy::InstanceType => KeySource::InstanceType,
            UsageGroupBy::UsageType => KeySource::UsageType,
            UsageGroupBy::LicenseProduct => KeySource::Product,
        };
    }
    sources
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
