//! An answer as CSV (RFC 4180): a row for each bucket and group, every figure exact.
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe before it: names come from whoever submits jobs.

use farmtally_wire::native::{Answer, AnswerRow, Group, Named, RuntimeMs};

/// Dimensions whose values have an id and a name; the others have one text.
const NAMED: [&str; 5] = ["queue", "fleet", "job", "user", "worker"];

/// The text, its header first.
pub(super) fn csv(answer: &Answer) -> String {
    let mut text = line(&header(answer));
    for row in &answer.rows {
        text.push_str(&line(&cells(answer, row)));
    }
    text
}

fn header(answer: &Answer) -> Vec<String> {
    let head = &answer.head;
    let mut names = vec!["bucketStart".to_owned(), "bucketEnd".to_owned()];
    for by in &head.group_by {
        if NAMED.contains(&by.as_str()) {
            names.extend([format!("{by}Id"), format!("{by}Name")]);
        } else {
            names.push(by.clone());
        }
    }
    names.push("sessions".to_owned());
    names.extend(head.statistics.iter().map(|name| format!("costInUsd_{name}")));
    names.extend(head.statistics.iter().map(|name| format!("runtimeSeconds_{name}")));
    names
}

fn cells(answer: &Answer, row: &AnswerRow) -> Vec<String> {
    let head = &answer.head;
    let bucket = head.buckets.get(row.bucket as usize);
    let mut cells: Vec<String> =
        bucket.map_or_else(Vec::new, |bucket| vec![bucket.from.clone(), bucket.to.clone()]);
    for (index, by) in head.group_by.iter().enumerate() {
        let group = head.groups.get(row.group as usize);
        let value = group.and_then(|group| value(group, index));
        if NAMED.contains(&by.as_str()) {
            cells.push(value.map(|value| value.id.clone()).unwrap_or_default());
        }
        cells.push(name(group, index, value));
    }
    cells.push(row.sessions.to_string());
    let costs = head.statistics.iter().map(|name| row.cost.get(name).cloned().unwrap_or_default());
    let runtimes =
        head.statistics.iter().map(|name| row.runtime_ms.get(name).map(seconds).unwrap_or_default());
    cells.extend(costs.chain(runtimes));
    cells
}

fn value(group: &Group, index: usize) -> Option<&Named> {
    group.values.as_ref()?.get(index)?.as_ref()
}

/// The name; the groups that `--top` left over are told by the first column.
fn name(group: Option<&Group>, index: usize, value: Option<&Named>) -> String {
    match (value, group.and_then(|group| group.other)) {
        (Some(value), _) => value.name.clone(),
        (None, Some(other)) if index == 0 => format!("(other: {other})"),
        (None, _) => String::new(),
    }
}

/// Milliseconds as seconds, every digit.
fn seconds(runtime: &RuntimeMs) -> String {
    let (whole, fraction) = match runtime {
        RuntimeMs::Whole(ms) => (ms.to_string(), ""),
        RuntimeMs::Decimal(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            (whole.to_owned(), fraction)
        }
    };
    let padded = format!("{whole:0>4}");
    let (seconds, ms) = padded.split_at(padded.len() - 3);
    let decimals = format!("{ms}{fraction}");
    match decimals.trim_end_matches('0') {
        "" => seconds.to_owned(),
        decimals => format!("{seconds}.{decimals}"),
    }
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\r\n"
}

fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    } else {
        format!("{guard}{cell}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_every_digit_of_the_milliseconds() {
        assert_eq!(seconds(&RuntimeMs::Whole(0)), "0");
        assert_eq!(seconds(&RuntimeMs::Whole(7)), "0.007");
        assert_eq!(seconds(&RuntimeMs::Whole(3_600_000)), "3600");
        assert_eq!(seconds(&RuntimeMs::Whole(1_250)), "1.25");
        assert_eq!(seconds(&RuntimeMs::Decimal("300000.5".to_owned())), "300.0005");
        assert_eq!(seconds(&RuntimeMs::Decimal("0.333".to_owned())), "0.000333");
    }

    #[test]
    fn a_name_is_no_formula_and_stays_one_cell() {
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
        assert_eq!(quoted("-x,y"), "\"'-x,y\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
