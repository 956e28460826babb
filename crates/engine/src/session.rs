//! The plain path: one session, cut and grouped by itself. It is the twin of the column scan, and serves the rows that fit
//! no columns.

use farmtally_columns::{LicenseLine, SessionRow};

use crate::part::Part;
use crate::plan::{AggregationPlan, KeySource, RowsOf, usage_code};
use crate::wide::WideGroups;

/// The codes by which a session can be grouped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionCodes {
    pub(crate) queue: u32,
    pub(crate) fleet: u32,
    pub(crate) job: u32,
    pub(crate) user: u32,
    pub(crate) instance_type: u32,
}

/// One ended session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) codes: SessionCodes,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) compute_nanos: Option<u64>,
    pub(crate) licenses: &'a [LicenseLine],
}

/// Adds what counts of a row, if the question asks for it.
pub(crate) fn add_row(plan: &AggregationPlan<'_>, row: &SessionRow, groups: &mut WideGroups) {
    if plan.is_wanted(row.queue, row.fleet) {
        let codes = SessionCodes {
            queue: row.queue,
            fleet: row.fleet,
            job: row.job,
            user: row.user,
            instance_type: row.instance_type,
        };
        let (start_ms, end_ms) = (row.start_ms, row.end_ms);
        let session =
            Session { codes, start_ms, end_ms, compute_nanos: row.compute_nanos, licenses: &row.licenses };
        session.add(plan, groups);
    }
}

impl Session<'_> {
    /// Adds what counts of the session.
    pub(crate) fn add(&self, plan: &AggregationPlan<'_>, groups: &mut WideGroups) {
        let window = plan.window_ms();
        if !self.part(None, &[]).overlaps(window.start, window.end) {
            return;
        }
        match plan.rows_of {
            RowsOf::Sessions => {
                self.add_part(
                    plan,
                    usage_code::COMPUTE,
                    0,
                    self.part(self.compute_nanos, self.licenses),
                    groups,
                );
            }
            RowsOf::UsageTypes => self.add_usage_types(plan, groups),
            RowsOf::Licenses => self.add_licenses(plan, groups),
        }
    }

    /// One part per usage type: hours are not counted twice because a session held three licences.
    fn add_usage_types(&self, plan: &AggregationPlan<'_>, groups: &mut WideGroups) {
        if self.compute_nanos.is_some() {
            self.add_part(plan, usage_code::COMPUTE, 0, self.part(self.compute_nanos, &[]), groups);
        }
        if !self.licenses.is_empty() {
            self.add_part(plan, usage_code::LICENSE, 0, self.part(None, self.licenses), groups);
        }
    }

    fn add_licenses(&self, plan: &AggregationPlan<'_>, groups: &mut WideGroups) {
        for line in self.licenses {
            let part = self.part(None, std::slice::from_ref(line));
            self.add_part(plan, usage_code::LICENSE, line.product, part, groups);
        }
    }

    fn part<'b>(&self, compute_nanos: Option<u64>, licenses: &'b [LicenseLine]) -> Part<'b> {
        Part::new(self.start_ms, self.end_ms, compute_nanos.unwrap_or(0), licenses)
    }

    fn add_part(
        &self,
        plan: &AggregationPlan<'_>,
        usage: u32,
        product: u32,
        part: Part<'_>,
        groups: &mut WideGroups,
    ) {
        let places = plan.positions.each_ref().map(|position| match position.source {
            KeySource::Queue => position.places.of(self.codes.queue),
            KeySource::Fleet => position.places.of(self.codes.fleet),
            KeySource::Job => position.places.of(self.codes.job),
            KeySource::User => position.places.of(self.codes.user),
            KeySource::InstanceType => position.places.of(self.codes.instance_type),
            KeySource::UsageType => position.places.of(usage),
            KeySource::Product => position.places.of(product),
            KeySource::Nothing => 0,
        });
        part.for_each_piece(&plan.buckets, |piece| {
            groups.add(piece.bucket, places, piece.cost_nanos, piece.runtime_ms);
        });
    }
}
