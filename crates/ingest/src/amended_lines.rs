//! JSON Lines of records that are to have other costs than those that are stored.

use farmtally_model::{LineCost, NanoUsd, Record};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::entry::{FieldProblem, Reject};
use crate::jsonl::parse_record;

/// A stored record with the costs that it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendedLine {
    /// The line, from 1.
    pub line: u64,
    /// The record.
    pub record: Record<LineCost>,
    /// The fingerprint that is stored with it.
    pub fingerprint: [u8; 16],
    /// Set when its worker's cost is a share of a bill.
    pub share: Option<AmendedShare>,
}

/// A share of a bill, in the place of what a source said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmendedShare {
    /// What the source said of the worker's cost, if it said something.
    pub sent: Option<NanoUsd>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sent<'a> {
    #[serde(borrow)]
    record: &'a RawValue,
    fingerprint: String,
    share: Option<SentShare>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SentShare {
    sent_cost_in_usd: Option<String>,
}

/// Reads the lines of a body; blank ones are passed over.
pub fn parse_amended(body: &[u8]) -> impl Iterator<Item = Result<AmendedLine, Reject>> {
    let lines = (1..).zip(body.split(|byte| *byte == b'\n'));
    lines
        .filter(|(_, text)| !text.trim_ascii().is_empty())
        .map(|(line, text)| parse_line(line, text).map_err(|problem| problem.at(line)))
}

fn parse_line(line: u64, text: &[u8]) -> Result<AmendedLine, FieldProblem> {
    let shown = String::from_utf8_lossy(text);
    let sent: Sent<'_> =
        serde_json::from_slice(text).map_err(|error| FieldProblem::new("row", &shown, error))?;
    let submitted = parse_record(sent.record.get())?.record;
    if submitted.span().ended_at().is_none() {
        return Err(FieldProblem::new(
            "endedAt",
            "",
            "endedAt is missing; a record that runs has no cost yet",
        ));
    }
    let mut lacks = false;
    let record = submitted.with_costs(|_, cost| {
        lacks |= cost.is_none();
        LineCost::Total(cost.unwrap_or(NanoUsd::ZERO))
    });
    if lacks {
        return Err(FieldProblem::new("costInUsd", "", "costInUsd is missing; give it for every usage line"));
    }
    if let Record::Session(session) = &record {
        session.usage.check_total().map_err(|error| FieldProblem::new("usage", "", error))?;
    }
    let cost = |text: String| {
        NanoUsd::parse(&text).map_err(|error| FieldProblem::new("share.sentCostInUsd", &text, error))
    };
    let share = sent.share.map(|share| {
        Ok::<_, FieldProblem>(AmendedShare { sent: share.sent_cost_in_usd.map(cost).transpose()? })
    });
    let share = share.transpose()?;
    Ok(AmendedLine { line, record, fingerprint: fingerprint(&sent.fingerprint)?, share })
}

fn fingerprint(text: &str) -> Result<[u8; 16], FieldProblem> {
    let is_right = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u128::from_str_radix(text, 16) {
        Ok(number) if is_right => Ok(number.to_be_bytes()),
        _ => Err(FieldProblem::new("fingerprint", text, "a fingerprint has 32 hexadecimal digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = concat!(
        r#"{"sessionId":"session-00000000000000000000000000000001","queueName":"comp","fleetName":"spot","#,
        r#""jobName":"sh010","userId":"alice","startedAt":"2025-11-24T22:00:00Z","endedAt":"2025-11-24T23:00:00Z","#,
        r#""usage":[{"usageType":"COMPUTE","costInUsd":"0.1"}]}"#
    );

    fn line(record: &str, rest: &str) -> Result<AmendedLine, Reject> {
        let body = format!("\n{{\"record\":{record},\"fingerprint\":\"{}\"{rest}}}\n", "0f".repeat(16));
        parse_amended(body.as_bytes()).next().unwrap()
    }

    #[test]
    fn a_line_is_a_record_with_its_costs_and_what_is_stored_with_it() {
        let plain = line(SESSION, "").unwrap();
        assert_eq!((plain.line, plain.fingerprint, plain.share), (2, [15; 16], None));
        let shared = line(SESSION, r#","share":{"sentCostInUsd":"0.000000001"}"#).unwrap();
        assert_eq!(shared.share, Some(AmendedShare { sent: Some(NanoUsd::from_nanos(1).unwrap()) }));
        assert_eq!(shared.record, plain.record);
        assert_eq!(line(SESSION, r#","share":{}"#).unwrap().share, Some(AmendedShare { sent: None }));
    }

    #[test]
    fn what_is_not_right_is_named() {
        let problem = |record: &str, rest: &str| line(record, rest).unwrap_err().to_string();
        let running = SESSION.replace(r#""endedAt":"2025-11-24T23:00:00Z","#, "");
        assert!(problem(&running, "").starts_with("line 2, endedAt: endedAt is missing"));
        let unpriced = SESSION.replace(r#","costInUsd":"0.1""#, "");
        assert!(problem(&unpriced, "").starts_with("line 2, costInUsd: costInUsd is missing"));
        let share = r#","share":{"sentCostInUsd":"-1"}"#;
        assert!(problem(SESSION, share).starts_with("line 2, share.sentCostInUsd:"));
        assert!(problem(SESSION, r#","more":1"#).starts_with("line 2, row: unknown field `more`"));
        let body = format!("{{\"record\":{SESSION},\"fingerprint\":\"+f{}\"}}", "0".repeat(30));
        let error = parse_amended(body.as_bytes()).next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "line 1, fingerprint: a fingerprint has 32 hexadecimal digits");
    }
}
