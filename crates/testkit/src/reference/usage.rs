//! The native API's questions, answered as slowly and obviously as the AWS ones: for every bucket every record is looked at,
//! every line of it is asked whether it counts, and all amounts are kept until the end.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use farmtally_model::{
    Amounts, Calendar, ComparedUsage, Dimension, DimensionFilter, DimensionValue, FilterTerm, GroupMembers,
    Grouping, LineCost, Percentile, RankBy, Record, ScanFigures, Session, Timestamp, UsageAmounts,
    UsageGroup, UsageQuery, UsageRow, UsageTable, UsageType,
};

use super::calendar::Bucket;
use super::counted::{CountedLine, all_lines};
use super::piece::InUse;
use super::{JobNames, latest_job_names};
use crate::certain::certain;

/// Values of a group, one for each grouping.
type Values = Vec<Option<DimensionValue>>;

/// A group of the answer: one that is shown, or all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Shown(Values),
    Others,
}

/// Runtime in milliseconds and cost in nano-dollars of single sessions.
type Singles = Vec<(i128, i128)>;

/// Answers a question about a farm's records; sessions that still run end at `now`. Nothing is scanned, so the figures of
/// the scan are zero.
pub fn tabulate(records: &[Record<LineCost>], query: &UsageQuery, now: Timestamp) -> UsageTable {
    let question = Question { records, query, now, job_names: latest_job_names(records) };
    let window = query.calendar().window();
    let whole = Bucket { start: window.start().millis(), end: window.end().millis() };
    let ranked = question.ranked(question.singles_by_label(whole, Label::Shown));
    let shown_count = query.top().map_or(ranked.len(), |top| top.groups.get().min(ranked.len()));
    let (shown, others) = ranked.split_at(shown_count);
    let label = |values: Values| {
        let label = Label::Shown(values);
        if shown.contains(&label) { label } else { Label::Others }
    };
    let totals = question.singles_by_label(whole, label);
    let with_others = query.top().is_some_and(|top| top.with_others) && !others.is_empty();
    let labels: Vec<Label> = shown.iter().cloned().chain(with_others.then_some(Label::Others)).collect();
    let group = |label: &Label| UsageGroup {
        members: match label {
            Label::Shown(values) => GroupMembers::Values(values.clone()),
            Label::Others => GroupMembers::Others { groups: others.len() },
        },
        total: question.amounts(&totals[label]),
    };
    let groups = labels.iter().map(group).collect();
    let rows = question.rows(query.calendar(), &labels, label);
    let (calendar, total) = (query.calendar().clone(), question.total(whole));
    UsageTable { calendar, groups, rows, total, figures: ScanFigures::default() }
}

/// The same, with what the groups used in a second window. What is not shown in the question's own window is others in both.
pub fn tabulate_beside(
    records: &[Record<LineCost>],
    query: &UsageQuery,
    before: &Calendar,
    now: Timestamp,
) -> (UsageTable, ComparedUsage) {
    let mut table = tabulate(records, query, now);
    let question = Question { records, query, now, job_names: latest_job_names(records) };
    let shown: Vec<Label> = table.groups.iter().map(label_of).collect();
    let label = |values: Values| {
        let label = Label::Shown(values);
        if query.top().is_none() || shown.contains(&label) { label } else { Label::Others }
    };
    let whole = Bucket { start: before.window().start().millis(), end: before.window().end().millis() };
    let totals = question.singles_by_label(whole, label);
    let mut labels = shown.clone();
    for label in question.ranked(totals.clone()) {
        let members = match &label {
            Label::Shown(values) => GroupMembers::Values(values.clone()),
            Label::Others if query.top().is_some_and(|top| top.with_others) => {
                GroupMembers::Others { groups: 0 }
            }
            Label::Others => continue,
        };
        if !labels.contains(&label) {
            table.groups.push(UsageGroup { members, total: question.amounts(&Singles::new()) });
            labels.push(label);
        }
    }
    let groups = labels.iter().map(|label| totals.get(label).map(|singles| question.amounts(singles)));
    let compared = ComparedUsage {
        calendar: before.clone(),
        groups: groups.collect(),
        rows: question.rows(before, &labels, label),
        total: question.total(whole),
    };
    (table, compared)
}

fn label_of(group: &UsageGroup) -> Label {
    match &group.members {
        GroupMembers::Values(values) => Label::Shown(values.clone()),
        GroupMembers::Others { .. } => Label::Others,
    }
}

struct Question<'a> {
    records: &'a [Record<LineCost>],
    query: &'a UsageQuery,
    now: Timestamp,
    job_names: JobNames,
}

impl Question<'_> {
    /// What labels have in each bucket, by bucket and then in the order of the labels.
    fn rows(&self, calendar: &Calendar, labels: &[Label], label: impl Fn(Values) -> Label) -> Vec<UsageRow> {
        let mut rows = Vec::new();
        for (bucket, edges) in calendar.edges_ms().windows(2).enumerate() {
            let singles = self.singles_by_label(Bucket { start: edges[0], end: edges[1] }, &label);
            for (group, label) in labels.iter().enumerate().filter(|(_, label)| singles.contains_key(label)) {
                let (bucket, group) = (certain(u32::try_from(bucket)), certain(u32::try_from(group)));
                rows.push(UsageRow { bucket, group, amounts: self.amounts(&singles[label]) });
            }
        }
        rows
    }

    /// Everything, each session once.
    fn total(&self, whole: Bucket) -> UsageAmounts {
        let all = self.singles_by_label(whole, |_| Label::Others).remove(&Label::Others);
        self.amounts(&all.unwrap_or_default())
    }

    /// What each session (or volume) has in a bucket, for each label: the lines of one label are one amount.
    fn singles_by_label(&self, bucket: Bucket, label: impl Fn(Values) -> Label) -> BTreeMap<Label, Singles> {
        let mut singles: BTreeMap<Label, Singles> = BTreeMap::new();
        for record in self.records {
            let Some(piece) = InUse::of(record.span(), self.now).and_then(|in_use| in_use.piece_in(bucket))
            else {
                continue;
            };
            let mut costs: BTreeMap<Label, i128> = BTreeMap::new();
            for line in all_lines(record).iter().filter(|line| self.counts(record, line)) {
                let label = label(self.values(record, line));
                *costs.entry(label).or_default() += piece.share_of(line.total_cost(piece.in_use));
            }
            for (label, cost) in costs {
                singles.entry(label).or_default().push((piece.runtime_ms(), cost));
            }
        }
        singles
    }

    fn counts(&self, record: &Record<LineCost>, line: &CountedLine) -> bool {
        let groupings = self.query.groupings();
        let by = |dimension| groupings.contains(&Grouping::By(dimension));
        if by(Dimension::LicenseProduct) && line.usage_type != UsageType::License {
            return false;
        }
        if let Record::Volume(_) = record {
            let has = |filter: &DimensionFilter| {
                filter.dimension() == Dimension::Fleet || filter.dimension() == Dimension::UsageType
            };
            if !by(Dimension::UsageType) || !self.query.filters().iter().all(has) {
                return false;
            }
        }
        self.query.filters().iter().all(|filter| {
            let is_any = |terms: &[FilterTerm]| terms.iter().any(|term| self.is(record, line, filter, term));
            filter.include().is_none_or(is_any) && !is_any(filter.exclude())
        })
    }

    /// Whether a line has what a term of a filter says.
    fn is(
        &self,
        record: &Record<LineCost>,
        line: &CountedLine,
        filter: &DimensionFilter,
        term: &FilterTerm,
    ) -> bool {
        let value = self.value(&Grouping::By(filter.dimension()), record, line);
        match term {
            FilterTerm::NoValue => value.is_none(),
            FilterTerm::JobName(glob) => value.is_some_and(|name| fits(glob.as_str(), &name.to_string())),
            FilterTerm::Captured(pattern, text) => {
                let found = self.value(&Grouping::ByPattern(pattern.clone()), record, line);
                found.map(|found| found.to_string()) == *text
            }
            term => value.is_some_and(|value| value.to_string() == term.to_string()),
        }
    }

    fn values(&self, record: &Record<LineCost>, line: &CountedLine) -> Values {
        self.query.groupings().iter().map(|grouping| self.value(grouping, record, line)).collect()
    }

    fn value(
        &self,
        grouping: &Grouping,
        record: &Record<LineCost>,
        line: &CountedLine,
    ) -> Option<DimensionValue> {
        match (grouping, record) {
            (Grouping::By(Dimension::UsageType), _) => Some(DimensionValue::UsageType(line.usage_type)),
            (Grouping::By(Dimension::LicenseProduct), _) => {
                line.product.clone().map(DimensionValue::LicenseProduct)
            }
            (Grouping::By(Dimension::Fleet), Record::Volume(volume)) => {
                Some(DimensionValue::Fleet(volume.fleet_id))
            }
            (_, Record::Volume(_)) => None,
            (grouping, Record::Session(session)) => self.session_value(grouping, session),
        }
    }

    fn session_value(&self, grouping: &Grouping, session: &Session<LineCost>) -> Option<DimensionValue> {
        let job_name = &self.job_names[&session.job_id];
        match grouping {
            Grouping::ByPattern(pattern) => {
                pattern.capture(job_name.as_str()).map(|text| DimensionValue::Captured(text.into()))
            }
            Grouping::By(dimension) => match dimension {
                Dimension::Queue => Some(DimensionValue::Queue(session.queue_id)),
                Dimension::Fleet => Some(DimensionValue::Fleet(session.fleet_id)),
                Dimension::Job => Some(DimensionValue::Job(session.job_id, job_name.clone())),
                Dimension::JobName => Some(DimensionValue::JobName(job_name.clone())),
                Dimension::User => Some(DimensionValue::User(session.user_id.clone())),
                Dimension::InstanceType => session.instance_type.clone().map(DimensionValue::InstanceType),
                Dimension::Worker => session.worker_id.map(DimensionValue::Worker),
                Dimension::Outcome => session.outcome.map(DimensionValue::Outcome),
                Dimension::UsageType | Dimension::LicenseProduct => None,
            },
        }
    }

    /// Labels by their totals, greatest first, equal ones by their values.
    fn ranked(&self, totals: BTreeMap<Label, Singles>) -> Vec<Label> {
        let amount = |singles: &Singles| match self.query.rank_by() {
            RankBy::Cost => singles.iter().map(|(_, cost)| cost).sum(),
            RankBy::Runtime => singles.iter().map(|(runtime, _)| runtime).sum(),
            RankBy::Sessions => certain(i128::try_from(singles.len())),
        };
        let mut ranked: Vec<_> =
            totals.into_iter().map(|(label, singles)| (Reverse(amount(&singles)), label)).collect();
        ranked.sort();
        ranked.into_iter().map(|(_, label)| label).collect()
    }

    fn amounts(&self, singles: &Singles) -> UsageAmounts {
        let runtimes: Vec<i128> = singles.iter().map(|(runtime, _)| *runtime).collect();
        let costs: Vec<i128> = singles.iter().map(|(_, cost)| *cost).collect();
        UsageAmounts {
            sessions: certain(u64::try_from(singles.len())),
            cost: amounts(&costs),
            runtime: amounts(&runtimes),
            cost_percentiles: percentiles(self.query.percentiles(), costs),
            runtime_percentiles: percentiles(self.query.percentiles(), runtimes),
        }
    }
}

fn amounts(amounts: &[i128]) -> Amounts {
    Amounts {
        sum: certain(u128::try_from(amounts.iter().sum::<i128>())),
        min: certain(u64::try_from(amounts.iter().min().copied().unwrap_or(0))),
        max: certain(u64::try_from(amounts.iter().max().copied().unwrap_or(0))),
    }
}

/// The least amount that at least so many of all amounts do not exceed.
fn percentiles(percentiles: &[Percentile], mut amounts: Vec<i128>) -> Vec<u64> {
    amounts.sort_unstable();
    let found = percentiles.iter().map(|percentile| {
        let is_enough = |rank: usize| {
            rank as u128 * u128::from(Percentile::THOUSANDTHS_MAX)
                >= u128::from(percentile.thousandths()) * amounts.len() as u128
        };
        let rank = (1..=amounts.len()).find(|rank| is_enough(*rank));
        rank.map_or(0, |rank| certain(u64::try_from(amounts[rank - 1])))
    });
    found.collect()
}

/// Whether a text fits a glob, by trying every length for each star.
fn fits(glob: &str, text: &str) -> bool {
    let fits = |glob: &[char], text: &[char]| fits_from(glob, text);
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    fits(&lower(glob), &lower(text))
}

fn fits_from(glob: &[char], text: &[char]) -> bool {
    match glob {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|from| fits_from(rest, &text[from..])),
        [first, rest @ ..] => text.first() == Some(first) && fits_from(rest, &text[1..]),
    }
}
