//! Rows in the order of an answer: newest bucket first, then ascending texts, an absent value before any text.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use farmtally_model::{Amounts, GroupBy, GroupValue, StatisticsRow, StatisticsTable};

use super::calendar::Bucket;
use crate::certain::certain;

/// A group value as it is sorted: its text, or nothing, which comes first.
type SortText = Option<String>;

/// The contributions to one row, each of one session or volume.
struct Row {
    bucket: Bucket,
    runtimes_ms: Vec<i128>,
    costs: Vec<i128>,
}

/// All rows of an answer while they are filled.
pub(super) struct Rows {
    group_by: GroupBy,
    found: BTreeMap<(Reverse<i64>, Vec<SortText>), Row>,
    values: [BTreeMap<SortText, GroupValue>; 2],
}

impl Rows {
    pub(super) fn new(group_by: GroupBy) -> Self {
        Self { group_by, found: BTreeMap::new(), values: [BTreeMap::new(), BTreeMap::new()] }
    }

    /// Adds what one session or volume contributes to one row.
    pub(super) fn add(&mut self, bucket: Bucket, values: Vec<GroupValue>, runtime_ms: i128, cost: i128) {
        let texts: Vec<SortText> = values.iter().map(sort_text).collect();
        for (known, (text, value)) in self.values.iter_mut().zip(texts.iter().zip(values)) {
            known.insert(text.clone(), value);
        }
        let empty = Row { bucket, runtimes_ms: Vec::new(), costs: Vec::new() };
        let row = self.found.entry((Reverse(bucket.start), texts)).or_insert(empty);
        row.runtimes_ms.push(runtime_ms);
        row.costs.push(cost);
    }

    pub(super) fn into_table(self) -> StatisticsTable {
        let rows = self.found.iter().map(|((_, texts), row)| StatisticsRow {
            bucket: row.bucket.range(),
            values: self.indices_of(texts),
            count: certain(u64::try_from(row.costs.len())),
            cost: amounts(&row.costs),
            runtime: amounts(&row.runtimes_ms),
        });
        let rows = rows.collect();
        StatisticsTable {
            group_by: self.group_by,
            rows,
            values: self.values.map(|values| values.into_values().collect()),
        }
    }

    /// Where the values of a row stand among the values of their positions.
    fn indices_of(&self, texts: &[SortText]) -> [u32; 2] {
        let mut indices = [0, 0];
        for (index, (known, text)) in indices.iter_mut().zip(self.values.iter().zip(texts)) {
            *index = certain(u32::try_from(known.keys().take_while(|earlier| *earlier < text).count()));
        }
        indices
    }
}

fn amounts(amounts: &[i128]) -> Amounts {
    let least = amounts.iter().min().copied().unwrap_or(0);
    let greatest = amounts.iter().max().copied().unwrap_or(0);
    Amounts {
        sum: certain(u128::try_from(amounts.iter().sum::<i128>())),
        min: certain(u64::try_from(least)),
        max: certain(u64::try_from(greatest)),
    }
}

fn sort_text(value: &GroupValue) -> SortText {
    match value {
        GroupValue::Queue(id) => Some(id.to_string()),
        GroupValue::Fleet(id) => Some(id.to_string()),
        GroupValue::Job(id, _) => Some(id.to_string()),
        GroupValue::User(id) => Some(id.to_string()),
        GroupValue::UsageType(text) => Some((*text).to_owned()),
        GroupValue::InstanceType(name) => name.as_ref().map(ToString::to_string),
        GroupValue::LicenseProduct(product) => Some(product.to_string()),
        GroupValue::Absent => None,
    }
}
