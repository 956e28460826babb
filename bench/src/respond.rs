//! Answers requests line by line, so that `compare.py` can ask us and the other engines in turn.
//!
//! A request is `time QUESTION`, `answer QUESTION FILE` or `bytes QUESTION`; a reply is one line of JSON.

use std::io::{BufRead, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::asked::AskedFarm;

/// Answers until the input ends.
pub(crate) fn respond(farm: &AskedFarm, input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    writeln!(output, "{}", json!({ "ready": true }))?;
    output.flush()?;
    for request in input.lines() {
        let request = request?;
        let reply = reply(farm, &request).unwrap_or_else(
            || json!({ "error": format!("no such request: `{request}`; known are time, answer and bytes") }),
        );
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    Ok(())
}

fn reply(farm: &AskedFarm, request: &str) -> Option<Value> {
    let mut words = request.split_whitespace();
    let (verb, name) = (words.next()?, words.next()?);
    let question = farm.question(name)?;
    match (verb, words.next()) {
        ("time", None) => serde_json::to_value(farm.time(question, 1)).ok(),
        ("bytes", None) => Some(json!({ "bytes": farm.bytes_touched(question) })),
        ("answer", Some(file)) => Some(match farm.write_answer(question, Path::new(file)) {
            Ok(rows) => json!({ "rows": rows }),
            Err(error) => json!({ "error": format!("cannot write `{file}`: {error}") }),
        }),
        _ => None,
    }
}
