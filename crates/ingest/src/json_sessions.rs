//! Sessions straight from lines of JSON, without looking at each member by itself.
//!
//! This is the short way for lines in which everything is as it should be. Whatever is unusual, be it right or wrong, is left
//! to the long way of [`crate::jsonl`], which alone knows the words of a refusal; both give the same session.

use serde::Deserialize;
use serde_json::value::RawValue;

use farmtally_model::{
    DisplayName, FleetId, InstanceType, JobId, JobName, LicenseProduct, NanoUsd, QueueId, Record,
    RecordNames, Session, SessionId, Span, Submission, Timestamp, Usage, UsageLine, UsageLines, UserId,
    WorkerId,
};

use crate::foreign_id::{fleet_id_for_name, job_id_for_name, queue_id_for_name};
use crate::known::{Known, Unusual, Usual, by_id_or_name, named};
use crate::record::{SentLine, compute_line, parse_outcome};

/// The members of a session. One that is unknown, given twice or written with escapes is no line for the short way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line<'a> {
    session_id: &'a str,
    queue_id: Option<&'a str>,
    queue_name: Option<&'a str>,
    fleet_id: Option<&'a str>,
    fleet_name: Option<&'a str>,
    job_id: Option<&'a str>,
    job_name: &'a str,
    user_id: &'a str,
    user_name: Option<&'a str>,
    worker_id: Option<&'a str>,
    instance_type: Option<&'a str>,
    outcome: Option<&'a str>,
    started_at: &'a str,
    ended_at: Option<&'a str>,
    revision: Option<u32>,
    #[serde(borrow)]
    usage: Option<Vec<UsageMembers<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UsageMembers<'a> {
    usage_type: &'a str,
    license_product: Option<&'a str>,
    quantity: Option<u32>,
    #[serde(borrow)]
    cost_in_usd: Option<&'a RawValue>,
}

/// The short way, with the texts that it knows.
#[derive(Debug, Default)]
pub(crate) struct TypedLines {
    queue_names: Known<(DisplayName, QueueId)>,
    fleet_names: Known<(DisplayName, FleetId)>,
    job_names: Known<JobName>,
    users: Known<UserId>,
    user_names: Known<DisplayName>,
    instance_types: Known<InstanceType>,
    products: Known<LicenseProduct>,
}

impl TypedLines {
    /// The session of a line; `None` when it is not for the short way.
    pub(crate) fn session(&mut self, text: &str) -> Option<Submission> {
        let line: Line<'_> = serde_json::from_str(text).ok()?;
        self.submission(&line).ok()
    }

    fn submission(&mut self, line: &Line<'_>) -> Usual<Submission> {
        let (queue_id, queue_name) = self.queue(line)?;
        let (fleet_id, fleet_name) = self.fleet(line)?;
        let job_name = self.job_names.anywhere(Some(line.job_name), |name| JobName::new(name).ok())?;
        let job_name = job_name.ok_or(Unusual)?;
        let job_id = read(line.job_id, JobId::parse)?;
        let session = Session {
            session_id: SessionId::parse(line.session_id).map_err(|_| Unusual)?,
            queue_id,
            fleet_id,
            job_id: job_id.unwrap_or_else(|| job_id_for_name(queue_id, job_name.as_str())),
            job_name,
            user_id: self.users.anywhere(Some(line.user_id), |id| UserId::new(id).ok())?.ok_or(Unusual)?,
            worker_id: read(line.worker_id, WorkerId::parse)?,
            instance_type: self
                .instance_types
                .anywhere(line.instance_type, |kind| InstanceType::new(kind).ok())?,
            outcome: read(line.outcome, parse_outcome)?,
            span: span(line)?,
            revision: line.revision.unwrap_or(0),
            usage: self.usage(line)?,
        };
        let user_name = self.user_names.anywhere(line.user_name, |name| DisplayName::new(name).ok())?;
        let names = RecordNames { queue: queue_name, fleet: fleet_name, user: user_name };
        Ok(Submission { record: Record::Session(session), names })
    }

    fn queue(&mut self, line: &Line<'_>) -> Usual<(QueueId, Option<DisplayName>)> {
        let named = self.queue_names.anywhere(line.queue_name, named(queue_id_for_name))?;
        by_id_or_name(read(line.queue_id, QueueId::parse)?, named)
    }

    fn fleet(&mut self, line: &Line<'_>) -> Usual<(FleetId, Option<DisplayName>)> {
        let named = self.fleet_names.anywhere(line.fleet_name, named(fleet_id_for_name))?;
        by_id_or_name(read(line.fleet_id, FleetId::parse)?, named)
    }

    fn usage(&mut self, line: &Line<'_>) -> Usual<UsageLines<Option<NanoUsd>>> {
        let lines = match &line.usage {
            Some(usage) => usage.iter().map(|usage| self.usage_line(usage)).collect::<Usual<Vec<_>>>()?,
            None => vec![compute_line(None)],
        };
        UsageLines::new(lines).map_err(|_| Unusual)
    }

    fn usage_line(&mut self, line: &UsageMembers<'_>) -> Usual<SentLine> {
        let product =
            self.products.anywhere(line.license_product, |product| LicenseProduct::new(product).ok())?;
        let usage = match (line.usage_type, product, line.quantity) {
            ("COMPUTE", None, None | Some(1)) => Usage::Compute,
            ("LICENSE", Some(product), None) => Usage::License { product, quantity: 1 },
            ("LICENSE", Some(product), Some(quantity @ 1..)) => Usage::License { product, quantity },
            _ => return Err(Unusual),
        };
        Ok(UsageLine { usage, cost: line.cost_in_usd.map(cost).transpose()? })
    }
}

/// What an optional text says.
fn read<T, E>(text: Option<&str>, read: impl FnOnce(&str) -> Result<T, E>) -> Usual<Option<T>> {
    text.map(read).transpose().map_err(|_| Unusual)
}

fn span(line: &Line<'_>) -> Usual<Span> {
    let started_at = Timestamp::parse(line.started_at).map_err(|_| Unusual)?;
    Span::new(started_at, read(line.ended_at, Timestamp::parse)?).map_err(|_| Unusual)
}

/// A cost from the digits that were sent, in quotes or not.
fn cost(raw: &RawValue) -> Usual<NanoUsd> {
    let raw = raw.get();
    let text = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw);
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain { NanoUsd::parse(text).map_err(|_| Unusual) } else { Err(Unusual) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::parse_record;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Members with values of which most are as they should be, some are absent, and some are not for the short way.
    const MEMBERS: [(&str, &[&str]); 17] = [
        ("sessionId", &[r#""session-00000000000000000000000000000001""#, r#""session-1""#, "7"]),
        ("queueId", &[r#""queue-00000000000000000000000000000001""#, "null", r#""queue""#]),
        ("queueName", &[r#""comp""#, "null", r#""""#, r#""\u0063omp""#]),
        ("fleetId", &[r#""fleet-00000000000000000000000000000001""#, "null", r#""gpu""#]),
        ("fleetName", &[r#""gpu""#, "null", "3"]),
        ("jobId", &[r#""job-00000000000000000000000000000001""#, "null", r#""""#]),
        ("jobName", &[r#""sh010 comp""#, r#""été""#, r#""""#, r#""a \"b\"""#]),
        ("userId", &[r#""alice""#, "null", "[]"]),
        ("userName", &[r#""Alice""#, "null", r#""""#]),
        ("workerId", &[r#""worker-00000000000000000000000000000001""#, "null", r#""w1""#]),
        ("instanceType", &[r#""c6i.8xlarge""#, "null", "{}"]),
        ("outcome", &[r#""FAILED""#, r#""CANCELLED""#, "null", r#""DONE""#]),
        ("startedAt", &[r#""2025-11-24T22:03:07.120Z""#, r#""2025-11-24T22:03""#, "1764000000000"]),
        ("endedAt", &[r#""2025-11-24T23:58:00+01:00""#, "null", r#""2025-11-24T22:03:07.119Z""#, r#""""#]),
        ("revision", &["7", "null", "-1", "1.0", "4294967296", r#""7""#]),
        (
            "usage",
            &[
                r#"[{"usageType":"COMPUTE","costInUsd":"0.912345678"},{"usageType":"LICENSE","licenseProduct":"arnold","quantity":2,"costInUsd":0.61}]"#,
                r#"[{"usageType":"COMPUTE"}]"#,
                "null",
                "[]",
                r#"[{"usageType":"COMPUTE","costInUsd":"1e-9"}]"#,
                r#"[{"usageType":"COMPUTE","costInUsd":1E3,"quantity":1}]"#,
                r#"[{"usageType":"COMPUTE","costInUsd":null}]"#,
                r#"[{"usageType":"COMPUTE","costInUsd":"0.0000000001"}]"#,
                r#"[{"usageType":"COMPUTE","costInUsd":"."}]"#,
                r#"[{"usageType":"COMPUTE","costInUsd":-1}]"#,
                r#"[{"usageType":"COMPUTE","quantity":2}]"#,
                r#"[{"usageType":"LICENSE","quantity":1}]"#,
                r#"[{"usageType":"LICENSE","licenseProduct":"nuke","quantity":0}]"#,
                r#"[{"usageType":"LICENSE","licenseProduct":"nuke"},{"usageType":"LICENSE","licenseProduct":"nuke"}]"#,
                r#"[{"licenseProduct":"nuke"}]"#,
            ],
        ),
        ("volumeId", &["null"]),
    ];

    fn line() -> impl Strategy<Value = String> {
        let member = |(name, values): (&'static str, &'static [&'static str])| {
            let usual = if name == "volumeId" { 0 } else { 30 };
            prop_oneof![
                usual + 1 => Just(Some(values[0])),
                2 => select(values).prop_map(Some),
                3 => Just(None),
            ]
            .prop_map(move |value| value.map(|value| format!("\"{name}\":{value}")))
        };
        let members: Vec<_> = MEMBERS.map(member).into_iter().collect();
        (members, prop::bool::weighted(0.05), any::<prop::sample::Index>()).prop_map(
            |(members, twice, at)| {
                let mut members: Vec<String> = members.into_iter().flatten().collect();
                if twice && !members.is_empty() {
                    members.push(members[at.index(members.len())].clone());
                }
                format!("{{{}}}", members.join(","))
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_short_way_says_what_the_long_one_says(lines in prop::collection::vec(line(), 1..5)) {
            let mut typed = TypedLines::default();
            for line in lines {
                if let Some(submission) = typed.session(&line) {
                    prop_assert_eq!(Ok(submission), parse_record(&line), "{}", line);
                }
            }
        }
    }

    #[test]
    fn a_tidy_line_goes_the_short_way() {
        let members: Vec<String> =
            MEMBERS[..16].iter().map(|(name, values)| format!("\"{name}\":{}", values[0])).collect();
        assert!(TypedLines::default().session(&format!("{{{}}}", members.join(","))).is_some());
        let least =
            [0, 2, 4, 6, 7, 12].map(|index| format!("\"{}\":{}", MEMBERS[index].0, MEMBERS[index].1[0]));
        assert!(TypedLines::default().session(&format!("{{{}}}", least.join(","))).is_some());
    }
}
