//! The plain path: one session, cut and grouped by itself. It is the twin of the run scan, and serves the rows that cross
//! an edge, fit no columns, or lie in a block from which rows were removed.

use farmtally_columns::LicenseLine;

use crate::groups::Groups;
use crate::part::Part;
use crate::plan::{AggregationPlan, KeySource, RowsOf, usage_code};

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

impl Session<'_> {
    /// Adds what counts of the session.
    pub(crate) fn add(&self, plan: &AggregationPlan<'_>, groups: &mut Groups) {
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
    fn add_usage_types(&self, plan: &AggregationPlan<'_>, groups: &mut Groups) {
        if self.compute_nanos.is_some() {
            self.add_part(plan, usage_code::COMPUTE, 0, self.part(self.compute_nanos, &[]), groups);
        }
        if !self.licenses.is_empty() {
            self.add_part(plan, usage_code::LICENSE, 0, self.part(None, self.licenses), groups);
        }
    }

    fn add_licenses(&self, plan: &AggregationPlan<'_>, groups: &mut Groups) {
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
        groups: &mut Groups,
    ) {
        let codes = plan.key_sources().map(|source| match source {
            KeySource::Queue => self.codes.queue,
            KeySource::Fleet => self.codes.fleet,
            KeySource::Job => self.codes.job,
            KeySource::User => self.codes.user,
            KeySource::InstanceType => self.codes.instance_type,
            KeySource::UsageType => usage,
            KeySource::Product => product,
            KeySource::Nothing => 0,
        });
        let index = groups.numbering().index(codes);
        groups.reserve(part.total_nanos, part.runtime_ms());
        part.for_each_piece(&plan.buckets, |piece| {
            groups.add(piece.bucket, index, piece.cost_nanos, piece.runtime_ms);
        });
    }
}
