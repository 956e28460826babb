//! Which columns are instants, by what is in them, and which two of them are a start and an end.

use super::sample::SampledColumn;
use super::words::ABSENT;
use crate::cell::Cell;
use crate::mapping::moment::{MomentReader, Zone};

/// How a column's instants are written.
#[derive(Clone)]
pub(super) struct FoundForm {
    pub(super) format: Option<&'static str>,
    pub(super) needs_zone: bool,
    /// What a person should look at.
    pub(super) note: Option<String>,
}

/// One text in so many may be no instant in a column of instants.
const BAD_EVERY: usize = 10;

/// Patterns that files are full of; of those that fit, the first.
const PATTERNS: [&str; 13] = [
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y%m%d%H%M%S",
    "%a %b %d %H:%M:%S %Y",
    "%d-%b-%Y %H:%M:%S",
];

/// How the texts of a column are written, if all of them are instants, or nearly all: a bad one is named, for whoever mends it.
fn moment_form(column: &SampledColumn) -> Option<FoundForm> {
    if column.is_instant || column.is_wall_time {
        return Some(FoundForm { format: None, needs_zone: column.is_wall_time, note: None });
    }
    let rows = (1..).zip(&column.texts).filter_map(|(row, text)| Some((row, text.as_deref()?)));
    let texts: Vec<(usize, &str)> =
        rows.filter(|(_, text)| !text.is_empty() && *text != "0" && !ABSENT.contains(text)).collect();
    form_of(&texts, 0).or_else(|| form_of(&texts, texts.len() / BAD_EVERY))
}

/// How texts are written of which so many may be no instants.
fn form_of(texts: &[(usize, &str)], bad_max: usize) -> Option<FoundForm> {
    let (_, first) = texts.first()?;
    // An instant has digits in all of the ways: a column of names needs no try of each.
    let has_no_digit = |(_, text): &&(usize, &str)| !text.bytes().any(|byte| byte.is_ascii_digit());
    if texts.iter().filter(has_no_digit).count() > bad_max {
        return None;
    }
    let bad = |format: Option<&str>, zone: Option<&Zone>| -> Option<Vec<(usize, &str)>> {
        let reader = MomentReader::check(format, None, zone).ok()?;
        let is_bad = |(_, text): &&(usize, &str)| reader.read(&Cell::Untyped((*text).into())).is_err();
        // One beyond the bound is enough to know: most columns are no instants in most of the ways.
        let bad: Vec<_> = texts.iter().filter(is_bad).take(bad_max.saturating_add(1)).copied().collect();
        (bad.len() <= bad_max).then_some(bad)
    };
    let found = |format, needs_zone, note: Option<&str>, bad: &[(usize, &str)]| {
        let bad = bad.first().map(|(row, text)| {
            let more = if bad.len() > 1 { format!(" and {} more", bad.len() - 1) } else { String::new() };
            format!("row {row}{more} has no such time, but {}, and will be refused", super::shortened(text))
        });
        let notes: Vec<String> = note.map(str::to_owned).into_iter().chain(bad).collect();
        Some(FoundForm { format, needs_zone, note: (!notes.is_empty()).then(|| notes.join("; ")) })
    };
    let utc = Zone::parse("UTC").ok();
    if let Some(bad) = bad(None, None) {
        return found(None, false, None, &bad);
    }
    if let Some(bad) = bad(None, utc.as_ref()) {
        return found(None, true, None, &bad);
    }
    let epoch = texts.iter().take(bad_max + 1).find_map(|(_, text)| epoch_form(text));
    if let Some((format, bad)) = epoch.and_then(|format| Some((format, bad(Some(format), None)?))) {
        return found(Some(format), false, None, &bad);
    }
    let fitting: Vec<_> = PATTERNS
        .into_iter()
        .filter_map(|pattern| Some((pattern, bad(Some(pattern), utc.as_ref())?)))
        .collect();
    let is_ambiguous = fitting.len() > 1 && first.contains('/');
    let note = is_ambiguous.then_some("month before day? It could be %d/%m as well");
    let (pattern, bad) = fitting.first()?;
    found(Some(pattern), true, note, bad)
}

/// The unit that brings a number between the years 1990 and 2100.
fn epoch_form(text: &str) -> Option<&'static str> {
    let whole: u64 = text.split('.').next()?.parse().ok()?;
    let units = [("epoch-s", 1), ("epoch-ms", 1_000), ("epoch-us", 1_000_000), ("epoch-ns", 1_000_000_000)];
    let is_near = |per_second: u64| (631_152_000..4_102_444_800).contains(&(whole / per_second));
    units.into_iter().find(|(_, per_second)| is_near(*per_second)).map(|(format, _)| format)
}

/// A column of instants, with the instant of each row in milliseconds since 1970.
pub(super) struct Moments {
    pub(super) index: usize,
    pub(super) form: FoundForm,
    /// Whether its texts can be nothing else; a number of seconds may also count something.
    pub(super) is_sure: bool,
    rows: Vec<Option<i64>>,
}

impl Moments {
    /// Reads a column; `None` when not all of it are instants.
    pub(super) fn of(index: usize, column: &SampledColumn) -> Option<Self> {
        let form = moment_form(column)?;
        let is_sure = !form.format.is_some_and(|format| format.starts_with("epoch"));
        let reader = MomentReader::check(form.format, None, Zone::parse("UTC").ok().as_ref()).ok()?;
        let read = |text: &Option<String>| {
            let cell = Cell::Untyped(text.as_deref()?.into());
            reader.read(&cell).ok().map(farmtally_model::Timestamp::millis)
        };
        let rows = column.texts.iter().map(read).collect();
        Some(Self { index, form, is_sure, rows })
    }

    /// Whether this may be the start of what ends in another column: never after it, not weeks before it, and not always the
    /// same.
    pub(super) fn may_begin(&self, end: &Self) -> bool {
        let rows = self.rows.iter().zip(&end.rows);
        let mut lengths = rows.filter_map(|(start, end)| Some((*end)? - (*start)?)).peekable();
        let mut is_longer = false;
        lengths.peek().is_some()
            && lengths.all(|length| {
                is_longer |= length > 0;
                (0..=LENGTH_MAX_MS).contains(&length)
            })
            && is_longer
    }

    /// Where the column lies among others.
    fn middle(&self) -> i64 {
        let rows: Vec<i64> = self.rows.iter().copied().flatten().collect();
        let sum: i128 = rows.iter().copied().map(i128::from).sum();
        i64::try_from(sum / rows.len().max(1) as i128).unwrap_or(i64::MAX)
    }
}

/// Nothing that a farm does in one go takes longer than a month.
const LENGTH_MAX_MS: i64 = 31 * 24 * 3_600_000;

/// The start and the end among columns that nobody named, beside those that are known by their names.
pub(super) fn start_and_end(
    mut candidates: Vec<&Moments>,
    start: Option<&Moments>,
    end: Option<&Moments>,
) -> (Option<usize>, Option<usize>) {
    candidates.sort_by_key(|moments| moments.middle());
    let index = |moments: &&Moments| moments.index;
    match (start, end) {
        (Some(_), Some(_)) => (None, None),
        // Of several that may be, the last: the others are when something was noticed on the way.
        (Some(start), None) => (None, candidates.iter().rfind(|end| start.may_begin(end)).map(index)),
        (None, Some(end)) => (candidates.iter().rfind(|start| start.may_begin(end)).map(index), None),
        (None, None) => {
            for (place, end) in candidates.iter().enumerate().rev() {
                if let Some(start) = candidates[..place].iter().rfind(|start| start.may_begin(end)) {
                    return (Some(start.index), Some(end.index));
                }
            }
            (candidates.iter().find(|moments| moments.is_sure).map(index), None)
        }
    }
}
