//! Which column is probably which member.

use std::collections::{BTreeSet, HashSet};

use super::moments::{Moments, start_and_end};
use super::quoted;
use super::sample::{Sample, SampledColumn};
use super::words::{ABSENT, RUNTIMES, names, outcome, plain};
use crate::column::Column;
use crate::mapping::moment::RuntimeUnit;

/// A whole guess.
#[derive(Default)]
pub(super) struct Guess {
    pub(super) lines: Vec<Line>,
    pub(super) license: Option<License>,
    pub(super) used: BTreeSet<usize>,
    pub(super) needs_zone: bool,
    pub(super) absent: Vec<String>,
    /// Sentences about what nobody can know from the file.
    pub(super) missing: Vec<String>,
}

/// One line of the session's table.
pub(super) struct Line {
    pub(super) member: &'static str,
    /// Its value in TOML.
    pub(super) value: String,
    /// A column to show a value of.
    pub(super) column: Option<usize>,
    pub(super) note: Option<String>,
    /// Whether the line is there only to be filled in.
    pub(super) is_missing: bool,
}

/// The licences that a session held.
pub(super) struct License {
    pub(super) value: String,
    pub(super) column: usize,
    /// Whether a cell can have several, for each of which a column of costs would count.
    pub(super) is_split: bool,
    /// The column of what the session cost, which may have theirs in it.
    pub(super) beside_cost: Option<usize>,
}

/// Members that are looked for, those first whose columns others could be taken for.
const ORDER: [Column; 12] = [
    Column::StartedAt,
    Column::EndedAt,
    Column::SessionId,
    Column::JobId,
    Column::QueueName,
    Column::FleetName,
    Column::UserId,
    Column::WorkerId,
    Column::InstanceType,
    Column::JobName,
    Column::Outcome,
    Column::CostInUsd,
];

/// Guesses from the first rows.
pub(super) fn guess(sample: &Sample) -> Guess {
    let called = sample.columns.iter().map(called).collect();
    let moments = (0..).zip(&sample.columns).map(|(index, column)| Moments::of(index, column)).collect();
    Guesser { sample, called, moments, guess: Guess::default(), found: Vec::new(), by_values: Vec::new() }
        .run()
}

/// What a column is called, plainly: its whole path, and the last part of it.
fn called(column: &SampledColumn) -> [String; 2] {
    let last = column.name.rsplit('.').next().unwrap_or_default();
    [&column.name, last].map(plain)
}

struct Guesser<'a> {
    sample: &'a Sample,
    /// What each column is called, read once: hundreds of names are looked for.
    called: Vec<[String; 2]>,
    /// The instants of each column that is one of instants.
    moments: Vec<Option<Moments>>,
    guess: Guess,
    found: Vec<(Column, usize)>,
    /// Those of them that only their values told.
    by_values: Vec<usize>,
}

impl Guesser<'_> {
    fn run(mut self) -> Guess {
        for member in ORDER {
            if let Some(index) = self.find(member) {
                self.found.push((member, index));
                self.guess.used.insert(index);
            }
        }
        self.moments_by_values();
        self.identity();
        self.names();
        self.times();
        self.rest();
        let texts = self.sample.columns.iter().flat_map(SampledColumn::values).collect::<HashSet<_>>();
        self.guess.absent =
            ABSENT.iter().filter(|text| texts.contains(*text)).map(ToString::to_string).collect();
        self.guess
    }

    /// Looks among the columns that no name was found for, where a start or an end has none.
    fn moments_by_values(&mut self) {
        let known = |member| self.moments(self.found(member)?);
        let is_free = |moments: &&Moments| !self.guess.used.contains(&moments.index);
        let candidates = self.moments.iter().flatten().filter(is_free).collect();
        let (start, end) = start_and_end(candidates, known(Column::StartedAt), known(Column::EndedAt));
        for (member, index) in [(Column::StartedAt, start), (Column::EndedAt, end)] {
            if let Some(index) = index {
                self.found.push((member, index));
                self.guess.used.insert(index);
                self.by_values.push(index);
            }
        }
    }

    /// The unused column with the best name for a member, if its values can be that. Of those that may be a session's id, one
    /// that tells all rows apart goes before any that does not.
    fn find(&self, member: Column) -> Option<usize> {
        let unique =
            (member == Column::SessionId).then(|| self.find_if(member, |index| self.is_unique(&[index])));
        unique.flatten().or_else(|| self.find_if(member, |_| true))
    }

    fn find_if(&self, member: Column, is_fit: impl Fn(usize) -> bool) -> Option<usize> {
        names(member).find_map(|name| {
            (0..self.called.len()).find(|index| {
                let is_called_so = self.called[*index].iter().any(|called| is_name(called, name));
                let is_free = is_called_so && !self.guess.used.contains(index);
                is_free && self.can_be(member, *index) && is_fit(*index)
            })
        })
    }

    fn found(&self, member: Column) -> Option<usize> {
        self.found.iter().find(|(known, _)| *known == member).map(|(_, index)| *index)
    }

    fn column(&self, index: usize) -> &SampledColumn {
        &self.sample.columns[index]
    }

    fn moments(&self, index: usize) -> Option<&Moments> {
        self.moments[index].as_ref()
    }

    fn can_be(&self, member: Column, index: usize) -> bool {
        let column = self.column(index);
        match member {
            Column::StartedAt | Column::EndedAt => column.present() > 0 && self.moments(index).is_some(),
            Column::CostInUsd => column.present() > 0 && column.values().all(looks_like_amount),
            // The size of a file or a number of machines is no kind of machine.
            Column::InstanceType => !self.is_instant(index) && !column.values().all(looks_like_amount),
            _ => !self.is_instant(index) && !is_fraction(column),
        }
    }

    /// Whether the values are times and can be nothing else.
    fn is_instant(&self, index: usize) -> bool {
        self.moments(index).is_some_and(|moments| moments.is_sure)
    }

    fn line(&mut self, member: Column, value: String, column: Option<usize>, note: Option<String>) {
        self.guess.lines.push(Line { member: member.name(), value, column, note, is_missing: false });
    }

    /// The session's id: a column whose values are all different, or the fewest columns that tell the rows apart.
    fn identity(&mut self) {
        if let Some(index) = self.found(Column::SessionId)
            && self.is_unique(&[index])
        {
            let value = quoted(&self.column(index).name);
            return self.line(Column::SessionId, value, Some(index), None);
        }
        let known = [Column::SessionId, Column::JobId, Column::JobName, Column::WorkerId, Column::StartedAt];
        let mut columns: Vec<usize> = known.into_iter().filter_map(|member| self.found(member)).collect();
        let changing = [Column::EndedAt, Column::Outcome, Column::CostInUsd].map(|member| self.found(member));
        let mut told = self.distinct(&columns);
        for index in 0..self.sample.columns.len() {
            if !columns.is_empty() && told == self.sample.rows {
                break;
            }
            if columns.contains(&index) || changing.contains(&Some(index)) || self.is_measured(index) {
                continue;
            }
            let more = [columns.as_slice(), &[index]].concat();
            let told_by_more = self.distinct(&more);
            if told_by_more > told {
                (columns, told) = (more, told_by_more);
            }
        }
        if columns.is_empty() {
            columns = vec![0];
        }
        let names: Vec<String> = columns.iter().map(|index| quoted(&self.column(*index).name)).collect();
        let mut note = "what tells two sessions apart, and stays the same when a running one ends".to_owned();
        if !self.is_unique(&columns) {
            note.push_str("; these columns do not: some of the first rows are equal in all of them");
        }
        self.guess.used.extend(columns);
        self.line(Column::SessionId, format!("{{ columns = [{}] }}", names.join(", ")), None, Some(note));
    }

    /// Whether a column holds what is measured of a session, which may still change.
    fn is_measured(&self, index: usize) -> bool {
        let column = self.column(index);
        let is_runtime = RUNTIMES.iter().any(|(name, _)| self.is_called(index, name));
        is_runtime || is_fraction(column) || is_money(column) || self.is_instant(index)
    }

    /// Whether this is the whole name of a column.
    fn is_called(&self, index: usize, name: &str) -> bool {
        self.called[index].first().is_some_and(|called| called == name)
    }

    fn is_unique(&self, columns: &[usize]) -> bool {
        !columns.is_empty() && self.distinct(columns) == self.sample.rows
    }

    fn distinct(&self, columns: &[usize]) -> usize {
        let row = |row| columns.iter().map(|index| self.column(*index).texts.get(row)).collect::<Vec<_>>();
        (0..self.sample.rows).map(row).collect::<HashSet<_>>().len()
    }

    fn names(&mut self) {
        if let Some(index) = self.found(Column::JobId) {
            self.line(Column::JobId, quoted(&self.column(index).name), Some(index), None);
        }
        for (member, constant, missing) in [
            (Column::QueueName, "all jobs", "queueName: which project, show or department a job was for"),
            (Column::FleetName, "all workers", "fleetName: which group of machines a worker belongs to"),
            (Column::JobName, "unnamed job", "jobName: what people call the job"),
            (Column::UserId, "unknown", "userId: who submitted the job"),
        ] {
            let Some(index) = self.found(member) else {
                self.guess.missing.push(format!("{missing}; the same for every row until you say"));
                let value = format!("{{ value = {} }}", quoted(constant));
                self.line(member, value, None, Some("no column looks like it".to_owned()));
                continue;
            };
            let column = self.column(index);
            let name = quoted(&column.name);
            let value = if column.present() == self.sample.rows {
                name
            } else {
                format!("{{ column = {name}, default = {} }}", quoted(constant))
            };
            self.line(member, value, Some(index), None);
        }
        for member in [Column::WorkerId, Column::InstanceType] {
            match self.found(member) {
                Some(index) => self.line(member, quoted(&self.column(index).name), Some(index), None),
                None => self.guess.missing.push(format!(
                    "{}: {}",
                    member.name(),
                    if member == Column::WorkerId {
                        "which machine it ran on"
                    } else {
                        "the kind of machine, by which rates may differ"
                    }
                )),
            }
        }
    }

    fn times(&mut self) {
        let (started_at, ended_at) = (self.found(Column::StartedAt), self.found(Column::EndedAt));
        for (member, index) in [(Column::StartedAt, started_at), (Column::EndedAt, ended_at)] {
            if let Some(index) = index {
                self.moment(member, index);
            }
        }
        if started_at.is_some() && ended_at.is_some() {
            return;
        }
        let is_runtime = self.runtime();
        let missing = match (started_at, ended_at, is_runtime) {
            (None, None, _) => Some("startedAt: without a start, nothing can be imported"),
            (None, Some(_), false) => Some("startedAt, or how long it ran: without, nothing can be imported"),
            (Some(_), None, false) => Some("endedAt or a runtime: without, every session is still running"),
            _ => None,
        };
        self.guess.missing.extend(missing.map(str::to_owned));
        if started_at.is_none() && !(ended_at.is_some() && is_runtime) {
            let (member, value) = ("startedAt", quoted("…"));
            self.guess.lines.push(Line { member, value, column: None, note: None, is_missing: true });
        }
    }

    fn moment(&mut self, member: Column, index: usize) {
        let column = self.column(index);
        let name = quoted(&column.name);
        let Some(moments) = self.moments(index) else { return };
        let form = moments.form.clone();
        let zero = column.values().any(|text| text == "0");
        self.guess.needs_zone |= form.needs_zone;
        let zero = if zero { ", absent = [\"0\"]" } else { "" };
        let value = match form.format {
            None if zero.is_empty() => name,
            None => format!("{{ column = {name}{zero} }}"),
            Some(format) => format!("{{ column = {name}, format = {}{zero} }}", quoted(format)),
        };
        let by_values = self.by_values.contains(&index).then(|| {
            let what = if member == Column::StartedAt { "began" } else { "ended" };
            format!("only its values say that this is a time; is it when the session {what}?")
        });
        let notes: Vec<String> = by_values.into_iter().chain(form.note).collect();
        self.line(member, value, Some(index), (!notes.is_empty()).then(|| notes.join(" ")));
    }

    /// Whether some column says how long a session ran.
    fn runtime(&mut self) -> bool {
        let found = RUNTIMES.iter().find_map(|(name, unit)| {
            let mut called_so = (0..self.called.len()).filter(|index| self.is_called(*index, name));
            called_so.find_map(|index| Some((index, runtime_unit(self.column(index), *unit)?)))
        });
        let Some((index, (unit, is_sure))) = found else { return false };
        let note = (!is_sure).then(|| "are these seconds (s), or ms, min or h?".to_owned());
        let value = format!("{{ column = {}, unit = {} }}", quoted(&self.column(index).name), quoted(unit));
        self.guess.used.insert(index);
        let line = Line { member: "runtime", value, column: Some(index), note, is_missing: false };
        self.guess.lines.push(line);
        true
    }

    fn rest(&mut self) {
        if let Some(index) = self.found(Column::Outcome) {
            let (value, note) = outcomes(self.column(index));
            self.line(Column::Outcome, value, Some(index), note);
        }
        match self.found(Column::CostInUsd) {
            Some(index) => {
                let column = self.column(index);
                let (name, decimal_comma) = (quoted(&column.name), is_decimal_comma(column));
                let is_fine = column.values().any(|text| decimals(text) > 9);
                let keys = [(decimal_comma, ", decimalComma = true"), (is_fine, ", cut = true")];
                let keys: String = keys.iter().filter(|(is_so, _)| *is_so).map(|(_, key)| *key).collect();
                let value = if keys.is_empty() { name } else { format!("{{ column = {name}{keys} }}") };
                let note =
                    "is this in US dollars, and for the whole row? Without it a rate card prices the time";
                self.line(Column::CostInUsd, value, Some(index), Some(note.to_owned()));
            }
            None => {
                self.guess.missing.push("costInUsd: a rate card prices the time (docs/rates.md)".to_owned());
            }
        }
        if let Some(index) = self.find(Column::LicenseProduct) {
            let column = self.column(index);
            let between =
                [';', '|', ','].into_iter().find(|mark| column.values().any(|text| text.contains(*mark)));
            let name = quoted(&column.name);
            let value = match between {
                Some(mark) => format!("{{ column = {name}, split = {} }}", quoted(&mark.to_string())),
                None => name,
            };
            self.guess.used.insert(index);
            let (is_split, beside_cost) = (between.is_some(), self.found(Column::CostInUsd));
            self.guess.license = Some(License { value, column: index, is_split, beside_cost });
        }
    }
}

/// Whether a column is called so, perhaps with the unit of its instants behind.
fn is_name(called: &str, name: &str) -> bool {
    called.strip_prefix(name).is_some_and(|rest| matches!(rest, "" | "ms" | "epoch" | "epochms" | "utc"))
}

/// Whether a column is of money, by its name or its values: a price that is corrected later must not make another session.
fn is_money(column: &SampledColumn) -> bool {
    const WORDS: [&str; 10] =
        ["cost", "price", "usd", "eur", "gbp", "amount", "charge", "fee", "rate", "total"];
    let name = column.name.to_lowercase();
    let is_called_so = name
        .split(|letter: char| !letter.is_alphanumeric())
        .any(|word| WORDS.iter().any(|known| word == *known || word.strip_suffix('s') == Some(known)))
        || ["cost", "price"].iter().any(|known| plain(&name).contains(known));
    let has_sign = column.values().any(|text| text.contains(['$', '€', '£']));
    let is_amount = column.present() > 0 && column.values().all(looks_like_amount);
    is_amount && (is_called_so || has_sign)
}

/// Whether the values are measured: what tells things apart is counted.
fn is_fraction(column: &SampledColumn) -> bool {
    column.present() > 0
        && column.values().all(looks_like_amount)
        && column.values().any(|text| text.contains(['.', ',']))
}

fn looks_like_amount(text: &str) -> bool {
    let text = text.trim_start_matches(['$', '€', '£', ' ']);
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b' '))
}

fn decimals(text: &str) -> usize {
    text.rsplit_once(['.', ',']).map_or(0, |(_, decimals)| decimals.len())
}

fn is_decimal_comma(column: &SampledColumn) -> bool {
    let last_mark = |text: &str| text.rfind(['.', ',']).map(|place| text[place..].starts_with(','));
    let marks: Vec<bool> = column.values().filter_map(last_mark).collect();
    !marks.is_empty() && marks.iter().all(|is_comma| *is_comma)
}

/// The unit of a column of runtimes, and whether its name or its values say so.
fn runtime_unit(column: &SampledColumn, named: Option<&'static str>) -> Option<(&'static str, bool)> {
    let reads = |unit: &str| {
        let unit = RuntimeUnit::parse(Some(unit));
        column.present() > 0 && unit.is_ok_and(|unit| column.values().all(|text| unit.read(text).is_ok()))
    };
    match named {
        Some(unit) if reads(unit) => Some((unit, true)),
        _ if reads("clock") => Some(("clock", true)),
        _ if reads("s") => Some(("s", false)),
        _ => None,
    }
}

/// The map from a column's texts to outcomes.
fn outcomes(column: &SampledColumn) -> (String, Option<String>) {
    let texts: BTreeSet<&str> = column.values().collect();
    // A text that comes later is refused with its row: nobody has said yet what it means.
    let map: Vec<String> = texts
        .iter()
        .map(|text| format!("{} = {}", quoted(text), quoted(outcome(text).unwrap_or_default())))
        .collect();
    let others: Vec<&str> = texts.iter().copied().filter(|text| outcome(text).is_none()).take(10).collect();
    let note = (!others.is_empty()).then(|| {
        format!(
            "what do these mean, which are no outcome until you say: {}?",
            super::shortened(&others.join(", "))
        )
    });
    let name = quoted(&column.name);
    (format!("{{ column = {name}, map = {{ {} }} }}", map.join(", ")), note)
}
