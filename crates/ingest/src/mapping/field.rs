//! One member's text: taken from a column, or several, or none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::form::{FieldForm, MappingError};
use crate::cell::Cell;
use crate::entry::{FieldProblem, excerpt};

/// The cells of a row, in the order of the mapping's columns.
pub(super) type RowCells<'a> = [Option<Cell<'a>>];

/// The columns that a mapping reads, collected while it is checked.
pub(super) struct Wanted {
    columns: Vec<String>,
    absent: Vec<String>,
}

impl Wanted {
    pub(super) const fn new(absent: Vec<String>) -> Self {
        Self { columns: Vec::new(), absent }
    }

    /// The place of a column among the cells of a row.
    pub(super) fn place(&mut self, column: &str) -> usize {
        let known = self.columns.iter().position(|known| known == column);
        known.unwrap_or_else(|| {
            self.columns.push(column.to_owned());
            self.columns.len() - 1
        })
    }

    pub(super) fn into_columns(self) -> Vec<String> {
        self.columns
    }
}

/// Where a member's text comes from.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// What a refusal calls it, such as `start (startedAt)`.
    name: String,
    from: From,
    default: Option<String>,
    absent: Vec<String>,
    map: Option<BTreeMap<String, String>>,
    others: Option<String>,
    decimal_comma: bool,
    cut: bool,
}

#[derive(Debug, Clone)]
enum From {
    /// The same text for every row.
    Value(String),
    /// The first of these columns that has a value.
    FirstOf(Vec<usize>),
    /// All of these columns, with a text between them.
    Joined(Vec<usize>, String),
}

impl Field {
    pub(super) fn check(key: &str, form: FieldForm, wanted: &mut Wanted) -> Result<Self, MappingError> {
        refuse_foreign_keys(key, &form)?;
        let form = form.0;
        let places = |names: &[String], wanted: &mut Wanted| -> Vec<usize> {
            names.iter().map(|name| wanted.place(name)).collect()
        };
        let member = key.rsplit('.').next().unwrap_or(key);
        let first = form.column.as_ref().or(form.columns.first());
        let name = first.map_or_else(|| member.to_owned(), |column| format!("{column} (as {member})"));
        let from = match (form.column, form.columns.as_slice(), form.value) {
            (Some(column), [], None) => {
                let mut chain = vec![wanted.place(&column)];
                chain.extend(places(&form.fallback, wanted));
                From::FirstOf(chain)
            }
            (None, columns @ [_, ..], None) => {
                From::Joined(places(columns, wanted), form.join.unwrap_or_else(|| " ".to_owned()))
            }
            (None, [], Some(value)) => From::Value(value),
            _ => return Err(MappingError::key(key, "give one of column, columns and value")),
        };
        if form.others.is_some() && form.map.is_none() {
            return Err(MappingError::key(key, "others is for what map does not name; give map too"));
        }
        Ok(Self {
            name,
            from,
            default: form.default,
            absent: [wanted.absent.clone(), form.absent].concat(),
            map: form.map,
            others: form.others,
            decimal_comma: form.decimal_comma,
            cut: form.cut,
        })
    }

    /// What a refusal calls it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The cell itself, for a member that is more than text; `None` when absent.
    pub(super) fn cell<'a>(&self, row: &RowCells<'a>) -> Result<Option<Cell<'a>>, FieldProblem> {
        let From::FirstOf(places) = &self.from else {
            return Ok(self.text(row)?.map(|text| Cell::Untyped(Cow::Owned(text))));
        };
        let cell = places.iter().find_map(|place| self.present(row, *place));
        match cell {
            Some(Cell::Unusable { value, message }) => Err(FieldProblem::new(&self.name, value, message)),
            Some(cell) if self.map.is_none() => Ok(Some(cell.clone())),
            _ => Ok(self.text(row)?.map(|text| Cell::Untyped(Cow::Owned(text)))),
        }
    }

    /// The member's text; `None` when absent.
    pub(super) fn text(&self, row: &RowCells<'_>) -> Result<Option<String>, FieldProblem> {
        let found = match &self.from {
            From::Value(value) => Some(value.clone()),
            From::FirstOf(places) => {
                let first = places.iter().find_map(|place| self.present(row, *place));
                first.map(|cell| self.shown(cell)).transpose()?
            }
            From::Joined(places, between) => self.joined(row, places, between)?,
        };
        let found = found.map(|text| self.mapped(text)).transpose()?.flatten();
        Ok(found.or_else(|| self.default.clone()))
    }

    /// The member's text as a plain decimal, for amounts.
    pub(super) fn amount(&self, row: &RowCells<'_>) -> Result<Option<String>, FieldProblem> {
        self.text(row)?.map(|text| self.plain_decimal(&text)).transpose()
    }

    /// All columns, or nothing if none of them has a value; the place of an absent one stays empty.
    fn joined(
        &self,
        row: &RowCells<'_>,
        places: &[usize],
        between: &str,
    ) -> Result<Option<String>, FieldProblem> {
        let mut parts = Vec::with_capacity(places.len());
        for place in places {
            parts.push(self.present(row, *place).map(|cell| self.shown(cell)).transpose()?);
        }
        if parts.iter().all(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(parts.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(between)))
    }

    fn present<'r, 'a>(&self, row: &'r RowCells<'a>, place: usize) -> Option<&'r Cell<'a>> {
        let cell = row.get(place)?.as_ref()?;
        let is_absent = match cell {
            Cell::Untyped(text) | Cell::Text(text) | Cell::Number(text) => {
                let text = text.trim();
                text.is_empty() || self.absent.iter().any(|absent| absent == text)
            }
            Cell::Integer(number) => self.absent.contains(&number.to_string()),
            _ => false,
        };
        (!is_absent).then_some(cell)
    }

    fn shown(&self, cell: &Cell<'_>) -> Result<String, FieldProblem> {
        match cell {
            Cell::Unusable { value, message } => Err(FieldProblem::new(&self.name, value, message)),
            Cell::OtherJson(raw @ ("true" | "false")) => Ok((*raw).to_owned()),
            Cell::OtherJson(raw) => {
                let message = "it is a list or an object; name a member in it, such as \"job.name\"";
                Err(FieldProblem::new(&self.name, raw, message))
            }
            cell => Ok(cell.to_string().trim().to_owned()),
        }
    }

    fn mapped(&self, text: String) -> Result<Option<String>, FieldProblem> {
        let Some(map) = &self.map else { return Ok(Some(text)) };
        if let Some(mapped) = map.get(&text).or(self.others.as_ref()) {
            return Ok((!mapped.is_empty()).then(|| mapped.clone()));
        }
        let known: Vec<&str> = map.keys().map(String::as_str).collect();
        let message = format!(
            "{:?} is not in the map, which has {}; add it, or say what `others` are",
            excerpt(&text),
            known.join(", ")
        );
        Err(FieldProblem::new(&self.name, &text, message))
    }

    fn plain_decimal(&self, text: &str) -> Result<String, FieldProblem> {
        let refused = |message: &str| Err(FieldProblem::new(&self.name, text, message));
        if text.contains(OTHER_CURRENCIES) {
            return refused(
                "it is not in US dollars, as all costs are; convert it before, or leave the column out and let a rate card price the session",
            );
        }
        let plain = text.trim_start_matches(['$', ' ']);
        let plain = if self.decimal_comma {
            plain.replace(['.', ' ', '\u{a0}', '\''], "").replace(',', ".")
        } else if plain.contains(',') {
            return refused(
                "it has a comma; say `decimalComma = true` if decimals follow it, and write no marks between thousands otherwise",
            );
        } else {
            plain.to_owned()
        };
        Ok(match plain.split_once('.') {
            Some((whole, decimals)) if self.cut && decimals.bytes().all(|digit| digit.is_ascii_digit()) => {
                format!("{whole}.{}", &decimals[..decimals.len().min(DECIMALS_MAX)])
            }
            _ => plain,
        })
    }
}

/// Signs of currencies whose amounts would be taken for US dollars.
const OTHER_CURRENCIES: [char; 4] = ['€', '£', '¥', '₹'];

/// Decimals that an amount may have.
const DECIMALS_MAX: usize = 9;

/// A key that this member has no use for would be a wish that nobody grants.
fn refuse_foreign_keys(key: &str, form: &FieldForm) -> Result<(), MappingError> {
    let form = &form.0;
    let is_moment = key.ends_with("edAt");
    let is_amount = key.ends_with("costInUsd");
    let misplaced = [
        ("format", form.format.is_some() && !is_moment),
        ("zone", form.zone.is_some() && !is_moment),
        ("unit", form.unit.is_some() && !key.ends_with("runtime")),
        ("split", form.split.is_some() && !key.ends_with("product")),
        ("decimalComma", form.decimal_comma && !is_amount && !key.ends_with("runtime")),
        ("cut", form.cut && !is_amount),
        ("join", form.join.is_some() && form.columns.is_empty()),
        ("fallback", !form.fallback.is_empty() && form.column.is_none()),
    ];
    match misplaced.iter().find(|(_, is_misplaced)| *is_misplaced) {
        Some((name, _)) => Err(MappingError::key(key, format!("{name} does not belong here"))),
        None => Ok(()),
    }
}
