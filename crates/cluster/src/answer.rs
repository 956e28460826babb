//! Rows of Arrow as groups, each of them checked on its own before it is added.

use std::collections::HashMap;
use std::io::Cursor;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use farmtally_engine::{DistributedError, Group, MergedGroups, SealedRecords, Seen};
use farmtally_model::{
    Amounts, FleetId, GroupBy, GroupValue, InstanceType, JobId, LicenseProduct, QueueId, UsageGroupBy,
    UsageType, UserId,
};

use crate::sql::OUTSIDE;

/// An answer on its way in.
pub(crate) struct Answer<'a> {
    records: &'a SealedRecords,
    groups: &'a mut MergedGroups,
    fields: Vec<UsageGroupBy>,
    /// For each groupBy position the codes of the texts that were met.
    codes: [HashMap<Option<String>, u32>; 2],
    bucket_count: usize,
    seen: Seen,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(group_by: GroupBy, records: &'a SealedRecords, groups: &'a mut MergedGroups) -> Self {
        let bucket_count = groups.buckets().len();
        let fields = group_by.fields().collect();
        Self { records, groups, fields, codes: Default::default(), bucket_count, seen: Seen::default() }
    }

    /// What the engine saw, as far as its rows are here.
    pub(crate) const fn seen(&self) -> Seen {
        self.seen
    }

    /// Takes in one message of rows: a stream of Arrow's IPC format with so many rows.
    pub(crate) fn take(&mut self, stream: &[u8], row_count: i64) -> Result<(), DistributedError> {
        let reader = StreamReader::try_new(Cursor::new(stream), None).map_err(|error| malformed(&error))?;
        let mut found = 0;
        for batch in reader {
            let batch = batch.map_err(|error| malformed(&error))?;
            found += batch.num_rows();
            self.take_batch(&batch)?;
        }
        if i64::try_from(found) == Ok(row_count) {
            Ok(())
        } else {
            Err(wrong(format!("a message has {found} rows and says that it has {row_count}")))
        }
    }

    fn take_batch(&mut self, batch: &RecordBatch) -> Result<(), DistributedError> {
        let columns = Columns::of(batch, self.fields.len())?;
        for row in 0..batch.num_rows() {
            let line_count = amount(columns.line_count.at(row)?)?;
            let line_cost = amount(columns.line_cost.at(row)?)?;
            // Each is below 2^127, and more than the manifest has is refused in the end.
            self.seen.line_count = self.seen.line_count.saturating_add(line_count);
            self.seen.cost_nanos = self.seen.cost_nanos.saturating_add(line_cost);
            let bucket = columns.bucket.at(row)?;
            if bucket != i128::from(OUTSIDE) {
                self.add(bucket, &columns, row)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, bucket: i128, columns: &Columns, row: usize) -> Result<(), DistributedError> {
        let bucket = usize::try_from(bucket).ok().filter(|bucket| *bucket < self.bucket_count);
        let bucket = bucket.ok_or_else(|| wrong("a row is in a bucket that was not asked for".to_owned()))?;
        let mut codes = [0, 0];
        for (position, texts) in columns.values.iter().enumerate() {
            codes[position] = self.code(position, texts.at(row)?)?;
        }
        let group = self.group(columns, row)?;
        Ok(self.groups.add(bucket, codes, group)?)
    }

    fn code(&mut self, position: usize, text: Option<&str>) -> Result<u32, DistributedError> {
        let text = text.map(ToOwned::to_owned);
        if let Some(code) = self.codes[position].get(&text) {
            return Ok(*code);
        }
        let value = self.value(self.fields[position], text.as_deref())?;
        let code = self.groups.code(position, value);
        self.codes[position].insert(text, code);
        Ok(code)
    }

    fn value(&self, field: UsageGroupBy, text: Option<&str>) -> Result<GroupValue, DistributedError> {
        let Some(text) = text else {
            return match field {
                UsageGroupBy::InstanceType => Ok(GroupValue::InstanceType(None)),
                UsageGroupBy::UsageType | UsageGroupBy::LicenseProduct => {
                    Err(wrong(format!("a row has no {field}")))
                }
                _ => Ok(GroupValue::Absent),
            };
        };
        let unknown = || wrong(format!("{text:?} is no value of {field}"));
        match field {
            UsageGroupBy::QueueId => QueueId::parse(text).ok().map(GroupValue::Queue),
            UsageGroupBy::FleetId => FleetId::parse(text).ok().map(GroupValue::Fleet),
            UsageGroupBy::JobId => JobId::parse(text).ok().and_then(|job_id| self.groups.job(job_id)),
            UsageGroupBy::UserId => UserId::new(text).ok().map(GroupValue::User),
            UsageGroupBy::UsageType => {
                let of_text = |usage_type: &UsageType| usage_type.as_str() == text;
                [UsageType::Compute, UsageType::License, UsageType::PersistentVolume]
                    .into_iter()
                    .find(of_text)
                    .map(GroupValue::usage_type)
            }
            UsageGroupBy::InstanceType => {
                InstanceType::new(text).ok().map(|known| GroupValue::InstanceType(Some(known)))
            }
            UsageGroupBy::LicenseProduct => LicenseProduct::new(text).ok().map(GroupValue::LicenseProduct),
        }
        .ok_or_else(unknown)
    }

    /// The amounts of a row, if they can be those of so many sessions.
    fn group(&self, columns: &Columns, row: usize) -> Result<Group, DistributedError> {
        let count = u64::try_from(columns.count.at(row)?).unwrap_or(0);
        if count == 0 || count > self.records.record_count {
            return Err(wrong(format!(
                "a row counts {} of {} records",
                columns.count.at(row)?,
                self.records.record_count
            )));
        }
        let cost = columns.cost.at(row, count)?;
        let runtime = columns.runtime.at(row, count)?;
        if cost.sum > self.records.cost_nanos || runtime.sum > self.records.runtime_ms_bound {
            return Err(wrong("a row costs or takes more than all records together".to_owned()));
        }
        Ok(Group { count, cost, runtime })
    }
}

/// The columns of a batch.
struct Columns {
    bucket: Integers,
    values: Vec<Texts>,
    count: Integers,
    runtime: AmountColumns,
    cost: AmountColumns,
    line_count: Integers,
    line_cost: Integers,
}

impl Columns {
    fn of(batch: &RecordBatch, positions: usize) -> Result<Self, DistributedError> {
        let column = |name: &str| {
            batch.column_by_name(name).cloned().ok_or_else(|| wrong(format!("there is no column `{name}`")))
        };
        let integers = |name: &str| Integers::of(name, column(name)?);
        let texts = |index: usize| {
            let name = format!("g{index}");
            Texts::of(&name, column(&name)?)
        };
        let amounts = |name: &str| -> Result<AmountColumns, DistributedError> {
            Ok(AmountColumns {
                name: name.to_owned(),
                sum: integers(&format!("{name}_sum"))?,
                min: integers(&format!("{name}_min"))?,
                max: integers(&format!("{name}_max"))?,
            })
        };
        Ok(Self {
            bucket: integers("bucket")?,
            values: (0..positions).map(texts).collect::<Result<_, _>>()?,
            count: integers("count")?,
            runtime: amounts("runtime")?,
            cost: amounts("cost")?,
            line_count: integers("line_count")?,
            line_cost: integers("line_cost")?,
        })
    }
}

/// Sum, least and greatest of one amount.
struct AmountColumns {
    name: String,
    sum: Integers,
    min: Integers,
    max: Integers,
}

impl AmountColumns {
    /// The amounts of a row, if they can be those of `count` sessions.
    fn at(&self, row: usize, count: u64) -> Result<Amounts, DistributedError> {
        let sum = amount(self.sum.at(row)?)?;
        let [min, max] = [&self.min, &self.max].map(|column| column.at(row).map(u64::try_from));
        let wide = |value: u64| u128::from(value) * u128::from(count);
        match (min?, max?) {
            (Ok(min), Ok(max)) if min <= max && wide(min) <= sum && sum <= wide(max) => {
                Ok(Amounts { sum, min, max })
            }
            _ => Err(wrong(format!("sum, least and greatest {} of a row contradict each other", self.name))),
        }
    }
}

/// A column of whole numbers: 64 bits, or a decimal without places.
enum Integers {
    Narrow(ArrayRef),
    Decimal(ArrayRef),
}

impl Integers {
    fn of(name: &str, array: ArrayRef) -> Result<Self, DistributedError> {
        use arrow_array::types::ArrowPrimitiveType as _;
        if array.null_count() > 0 {
            return Err(wrong(format!("`{name}` is not there in every row")));
        }
        if array.data_type() == &Int64Type::DATA_TYPE {
            Ok(Self::Narrow(array))
        } else if array.as_primitive_opt::<Decimal128Type>().is_some_and(|decimals| decimals.scale() == 0) {
            Ok(Self::Decimal(array))
        } else {
            Err(wrong(format!("`{name}` has the type {}", array.data_type())))
        }
    }

    fn at(&self, row: usize) -> Result<i128, DistributedError> {
        match self {
            Self::Narrow(array) => array
                .as_primitive_opt::<Int64Type>()
                .filter(|array| row < array.len())
                .map(|array| i128::from(array.value(row))),
            Self::Decimal(array) => array
                .as_primitive_opt::<Decimal128Type>()
                .filter(|array| row < array.len())
                .map(|array| array.value(row)),
        }
        .ok_or_else(|| wrong("a column is shorter than the others".to_owned()))
    }
}

/// A column of texts, in one of the forms that Arrow has.
struct Texts(ArrayRef);

impl Texts {
    fn of(name: &str, array: ArrayRef) -> Result<Self, DistributedError> {
        let is_text = array.as_string_opt::<i32>().is_some()
            || array.as_string_opt::<i64>().is_some()
            || array.as_string_view_opt().is_some();
        if is_text {
            Ok(Self(array))
        } else {
            Err(wrong(format!("`{name}` has the type {}", array.data_type())))
        }
    }

    fn at(&self, row: usize) -> Result<Option<&str>, DistributedError> {
        if row >= self.0.len() {
            return Err(wrong("a column is shorter than the others".to_owned()));
        }
        if self.0.is_null(row) {
            return Ok(None);
        }
        let short = self.0.as_string_opt::<i32>().map(|array| array.value(row));
        let long = || self.0.as_string_opt::<i64>().map(|array| array.value(row));
        let view = || self.0.as_string_view_opt().map(|array| array.value(row));
        Ok(short.or_else(long).or_else(view))
    }
}

/// A number that is not negative.
fn amount(number: i128) -> Result<u128, DistributedError> {
    u128::try_from(number).map_err(|_| wrong(format!("{number} is a sum of what is never negative")))
}

fn malformed(error: &dyn std::error::Error) -> DistributedError {
    wrong(error.to_string())
}

fn wrong(reason: String) -> DistributedError {
    DistributedError::Malformed { reason }
}
