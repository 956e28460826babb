//! A question translated to the codes of one snapshot.

use farmtally_columns::{Asker, BlockCodes, BlockView, Detail, FarmSnapshot, OUTCOME_CODES, VolumeSpan};
use farmtally_model::{Dimension, FilterTerm, Grouping, LicenseProduct, Timestamp, UsageQuery, UsageType};

use crate::error::AggregationError;
use crate::limits::AggregationControl;
use crate::tabulate::filter::{Filter, mask};

/// Where the value of a grouping is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Queue,
    Fleet,
    Job,
    /// The name of the job, or what a pattern takes out of it.
    JobText,
    User,
    UsageType,
    InstanceType,
    Product,
    Worker,
    Outcome,
}

impl Source {
    fn of(grouping: &Grouping) -> Self {
        match grouping {
            Grouping::ByPattern(_) | Grouping::By(Dimension::JobName) => Self::JobText,
            Grouping::By(Dimension::Queue) => Self::Queue,
            Grouping::By(Dimension::Fleet) => Self::Fleet,
            Grouping::By(Dimension::Job) => Self::Job,
            Grouping::By(Dimension::User) => Self::User,
            Grouping::By(Dimension::UsageType) => Self::UsageType,
            Grouping::By(Dimension::InstanceType) => Self::InstanceType,
            Grouping::By(Dimension::LicenseProduct) => Self::Product,
            Grouping::By(Dimension::Worker) => Self::Worker,
            Grouping::By(Dimension::Outcome) => Self::Outcome,
        }
    }

    /// Whether all rows of a run have the same value.
    pub(crate) fn is_of_run(self) -> bool {
        matches!(self, Self::Queue | Self::Fleet)
    }
}

/// Which lines of a session count.
#[derive(Debug)]
pub(crate) struct LineRule {
    /// Whether all lines count and none is told apart, so that a session is one thing.
    pub(crate) is_whole: bool,
    /// Whether the COMPUTE line counts.
    pub(crate) compute: bool,
    /// Whether LICENSE lines count, by code of their product.
    products: Vec<bool>,
    /// Whether volumes count.
    pub(crate) volumes: bool,
}

impl LineRule {
    pub(crate) fn new(snapshot: &FarmSnapshot, query: &UsageQuery) -> Self {
        let filters =
            |dimension| query.filters().iter().filter(move |filter| filter.dimension() == dimension);
        let admits = |usage_type| {
            let is = |term: &FilterTerm| *term == FilterTerm::UsageType(usage_type);
            filters(Dimension::UsageType).all(|filter| filter.admits(is))
        };
        let admits_no_product = filters(Dimension::LicenseProduct)
            .all(|filter| filter.admits(|term| *term == FilterTerm::NoValue));
        let product = |term: &FilterTerm| match term {
            FilterTerm::LicenseProduct(product) => Some(LicenseProduct::clone(product)),
            _ => None,
        };
        let by_product = query.is_grouped_by(Dimension::LicenseProduct);
        let of_product = mask(snapshot.products(), query, Dimension::LicenseProduct, product);
        let mut products = of_product.unwrap_or_else(|| vec![true; snapshot.products().len()]);
        if !admits(UsageType::License) {
            products.fill(false);
        }
        let is_told_apart = Dimension::ALL
            .into_iter()
            .filter(|dimension| dimension.is_of_lines())
            .any(|dimension| query.is_grouped_by(dimension) || filters(dimension).next().is_some());
        Self {
            is_whole: !is_told_apart,
            compute: admits(UsageType::Compute) && admits_no_product && !by_product,
            products,
            volumes: query.counts_volumes() && admits(UsageType::PersistentVolume),
        }
    }

    /// Whether a LICENSE line counts.
    pub(crate) fn counts_product(&self, product: u32) -> bool {
        self.products.get(product as usize).copied().unwrap_or(false)
    }
}

/// A volume that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlannedVolume {
    pub(crate) fleet: u32,
    pub(crate) span: VolumeSpan,
}

/// A question, ready to be scanned for.
#[derive(Debug)]
pub(crate) struct TabulationPlan<'a> {
    pub(crate) snapshot: &'a FarmSnapshot,
    pub(crate) query: &'a UsageQuery,
    /// The running sessions, ended at the instant of the question.
    pub(crate) running: Option<BlockView>,
    /// As whom blocks know the question.
    pub(crate) asker: Asker,
    pub(crate) volumes: Vec<PlannedVolume>,
    /// Where each grouping finds its value.
    pub(crate) sources: Vec<Source>,
    pub(crate) filter: Filter,
    pub(crate) lines: LineRule,
}

impl<'a> TabulationPlan<'a> {
    pub(crate) fn new(
        snapshot: &'a FarmSnapshot,
        query: &'a UsageQuery,
        now: Timestamp,
    ) -> Result<Self, AggregationError> {
        let filter = Filter::new(snapshot, query);
        let lines = LineRule::new(snapshot, query);
        let running = snapshot
            .running_at(now.millis(), |queue, fleet| filter.admits_queue(queue) && filter.admits_fleet(fleet))
            .map_err(|error| AggregationError::SessionAccruedTooMuch { session_id: error.session_id })?;
        let mut volumes = Vec::new();
        if lines.volumes {
            for volume in snapshot.volumes().iter().filter(|volume| filter.admits_fleet(volume.fleet)) {
                let too_much = AggregationError::VolumeAccruedTooMuch { volume_id: volume.volume_id() };
                let span = volume.span_at(now.millis()).ok_or(too_much)?;
                volumes.extend(span.map(|span| PlannedVolume { fleet: volume.fleet, span }));
            }
        }
        let sources = query.groupings().iter().map(Source::of).collect();
        Ok(Self { snapshot, query, running, asker: Asker::new(), volumes, sources, filter, lines })
    }

    /// Another question about the same sessions, but for what still runs and volumes. It has no filter.
    pub(crate) fn of_all_sessions<'q>(&self, query: &'q UsageQuery) -> TabulationPlan<'q>
    where
        'a: 'q,
    {
        TabulationPlan {
            snapshot: self.snapshot,
            query,
            running: None,
            asker: self.asker,
            volumes: Vec::new(),
            sources: query.groupings().iter().map(Source::of).collect(),
            filter: Filter::new(self.snapshot, query),
            lines: LineRule::new(self.snapshot, query),
        }
    }

    /// How many codes there are of what rollups tell apart, at least one.
    pub(crate) fn code_count(&self, detail: Detail) -> usize {
        match detail {
            Detail::Nothing | Detail::UsageType | Detail::Product => 1,
            Detail::Queue => self.snapshot.queues().len(),
            Detail::Fleet => self.snapshot.fleets().len(),
            Detail::Job => self.snapshot.jobs().len(),
            Detail::User => self.snapshot.users().len(),
            Detail::InstanceType => self.snapshot.instance_types().len(),
            Detail::Worker => self.snapshot.workers().len(),
            Detail::Outcome => OUTCOME_CODES,
        }
    }

    /// Whether there is memory for the order of the jobs, should it have to be found.
    pub(crate) fn check_order_of_jobs(
        &self,
        control: &AggregationControl<'_>,
    ) -> Result<(), AggregationError> {
        let is_needed = self.sources.contains(&Source::Job);
        control.check_shared(if is_needed { self.snapshot.job_ranks_bytes() } else { 0 })
    }

    /// At most how many groups a block can have, by its codes.
    pub(crate) fn keys_of(&self, codes: &BlockCodes<'_>) -> u64 {
        let of_source = |source: &Source| match source {
            Source::Queue => codes.queues.len(),
            Source::Fleet => codes.fleets.len(),
            Source::Job | Source::JobText => codes.jobs.len(),
            Source::User => codes.users.len(),
            Source::UsageType => 2,
            Source::InstanceType => codes.instance_types.len(),
            Source::Product => codes.products.len() + 1,
            Source::Worker => codes.workers.len(),
            Source::Outcome => OUTCOME_CODES,
        };
        self.sources.iter().map(of_source).fold(1, |keys, codes| keys.saturating_mul(codes as u64))
    }
}
