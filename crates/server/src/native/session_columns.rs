//! Sessions as a table of columns: a row for each, with what it used altogether and inside of the window.

use std::collections::BTreeSet;

use farmtally_model::{CostScaleFactor, Usage};
use farmtally_service::{FoundSession, FoundSessions, NamedValue, UsageNames};

use super::columns::{Column, Values, cost_scale};

/// The columns of some sessions. Their names and types are the same for all.
pub(super) fn columns(found: &FoundSessions, sessions: &[FoundSession]) -> Vec<Column> {
    let names = &found.names;
    let text = |of: &dyn Fn(&FoundSession) -> Option<String>| texts(sessions.iter().map(of));
    let named = |of: fn(&UsageNames, &FoundSession) -> NamedValue| {
        let id = text(&|session| Some(of(names, session).id));
        let name = text(&|session| Some(of(names, session).name));
        (id, name)
    };
    let (queue_id, queue_name) = named(|names, found| names.queue(found.session.queue_id));
    let (fleet_id, fleet_name) = named(|names, found| names.fleet(found.session.fleet_id));
    let (job_id, job_name) = named(|_, found| UsageNames::job(found.session.job_id, &found.session.job_name));
    let (user_id, user_name) = named(|names, found| names.user(&found.session.user_id));
    let money = |of: fn(&FoundSession) -> u64| costs(sessions.iter().map(of), found.farm.cost_scale_factor);
    let all = [
        ("sessionId", text(&|found| Some(found.session.session_id.to_string()))),
        ("queueId", queue_id),
        ("queueName", queue_name),
        ("fleetId", fleet_id),
        ("fleetName", fleet_name),
        ("jobId", job_id),
        ("jobName", job_name),
        ("userId", user_id),
        ("userName", user_name),
        ("workerId", text(&|found| Some(found.session.worker_id?.to_string()))),
        ("instanceType", text(&|found| found.session.instance_type.as_ref().map(ToString::to_string))),
        ("outcome", text(&|found| Some(found.session.outcome?.as_str().to_owned()))),
        ("startedAt", instants(sessions, |found| Some(found.session.span.started_at().millis()))),
        ("endedAt", instants(sessions, |found| Some(found.session.span.ended_at()?.millis()))),
        ("runtimeSeconds", runtimes(sessions, |found| found.runtime_ms)),
        ("costInUsd", money(|found| found.line_nanos.iter().sum())),
        ("computeCostInUsd", money(|found| line_nanos(found, false))),
        ("licenseCostInUsd", money(|found| line_nanos(found, true))),
        ("licenseProducts", text(&license_products)),
        ("window_runtimeSeconds", runtimes(sessions, |found| found.in_window.runtime_ms)),
        ("window_costInUsd", money(|found| found.in_window.cost_nanos)),
    ];
    all.into_iter().map(|(name, values)| Column { name: name.to_owned(), values }).collect()
}

fn texts(texts: impl Iterator<Item = Option<String>>) -> Values {
    let (mut there, mut places) = (Vec::new(), Vec::new());
    for text in texts {
        places.push(text.and_then(|text| {
            there.push(text);
            u32::try_from(there.len() - 1).ok()
        }));
    }
    Values::Text { texts: there, places }
}

fn instants(sessions: &[FoundSession], of: fn(&FoundSession) -> Option<i64>) -> Values {
    Values::Time(sessions.iter().map(of).collect())
}

fn runtimes(sessions: &[FoundSession], of: fn(&FoundSession) -> u64) -> Values {
    Values::Decimal { scale: 3, values: sessions.iter().map(|found| Some(of(found).into())).collect() }
}

fn costs(nanos: impl Iterator<Item = u64>, factor: CostScaleFactor) -> Values {
    let (scale, factor) = cost_scale(factor);
    Values::Decimal { scale, values: nanos.map(|nanos| i128::from(nanos).checked_mul(factor)).collect() }
}

/// What the lines of one kind have cost.
fn line_nanos(found: &FoundSession, are_licenses: bool) -> u64 {
    let lines = found.session.usage.as_slice().iter().zip(&found.line_nanos);
    let is_license = |usage: &Usage| matches!(usage, Usage::License { .. });
    lines.filter(|(line, _)| is_license(&line.usage) == are_licenses).map(|(_, nanos)| nanos).sum()
}

/// The products that a session held, each once, with blanks between them.
fn license_products(found: &FoundSession) -> Option<String> {
    let products = found.session.usage.as_slice().iter().filter_map(|line| match &line.usage {
        Usage::License { product, .. } => Some(product.as_str()),
        Usage::Compute => None,
    });
    let products: BTreeSet<&str> = products.collect();
    (!products.is_empty()).then(|| products.into_iter().collect::<Vec<_>>().join(" "))
}
