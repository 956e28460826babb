//! `budget check`: how budgets stand, for people, for CI, and for webhooks.

use farmtally_model::{FarmId, Timestamp};
use farmtally_service::{
    Budget, BudgetStatus, Catalogue, Clock, Farm, Passed, SystemClock, is_passed, open_webhook_secret,
};
use serde_json::{Value, json};

use super::message::Message;
use super::{SPENT_UNITS, scope, unknown, unmatched, webhook};
use crate::args::budget::{CheckArguments, CheckFormat};
use crate::exit::ExitStatus;
use crate::money_text::{decimal, usd};
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;
use crate::table_text::table;
use crate::talk::tell;

struct Checked {
    budget: Budget,
    scope: String,
    status: BudgetStatus,
}

pub(super) fn run(arguments: &CheckArguments) -> Result<ExitStatus, Failure> {
    let catalogue = arguments.farm.folder.existing()?;
    let farm = arguments.farm.farm.existing(&catalogue)?;
    let budgets = wanted(arguments, &catalogue, farm.farm_id)?;
    let reading = Reading::open(&arguments.farm.folder)?;
    let mut checked = Vec::with_capacity(budgets.len());
    for budget in budgets {
        let status = reading.service().budget_status(farm.farm_id, &budget)?;
        unmatched::warn(&catalogue, Some(reading.service()), farm.farm_id, &budget)?;
        let scope = scope(&catalogue, farm.farm_id, &budget)?;
        checked.push(Checked { budget, scope, status });
    }
    show(arguments.format, &checked)?;
    let mut all_told = true;
    if !arguments.no_webhook {
        let now = SystemClock::default().now();
        for checked in &checked {
            all_told &= report(arguments, &catalogue, &farm, checked, now)?;
        }
    }
    let is_over = checked.iter().any(|checked| is_over(checked, arguments.fail_at));
    Ok(match (is_over, all_told) {
        (true, _) => ExitStatus::ThresholdPassed,
        (false, true) => ExitStatus::Success,
        (false, false) => ExitStatus::Failed,
    })
}

fn wanted(
    arguments: &CheckArguments,
    catalogue: &Catalogue,
    farm_id: FarmId,
) -> Result<Vec<Budget>, Failure> {
    let mut budgets = catalogue.budgets(farm_id)?;
    if let Some(name) = arguments.names.iter().find(|name| budgets.iter().all(|budget| budget.name != **name))
    {
        return Err(unknown(catalogue, farm_id, name));
    }
    if !arguments.names.is_empty() {
        budgets.retain(|budget| arguments.names.contains(&budget.name));
    }
    if budgets.is_empty() {
        tell("The farm has no budgets; `farmtally budget set` sets one.");
    }
    Ok(budgets)
}

fn is_over(checked: &Checked, fail_at: Option<u32>) -> bool {
    match fail_at {
        Some(percent) => is_passed(&checked.budget, checked.status.spent, percent),
        None => !checked.status.passed.is_empty(),
    }
}

/// Tells the webhook of each threshold that it does not know of. False when it did not take one.
fn report(
    arguments: &CheckArguments,
    catalogue: &Catalogue,
    farm: &Farm,
    Checked { budget, scope, status }: &Checked,
    now: Timestamp,
) -> Result<bool, Failure> {
    let period_start = status.period.start();
    let known = catalogue.passed_thresholds(farm.farm_id, &budget.name)?;
    let is_reported = |threshold: u32| {
        known.iter().any(|passed| {
            (passed.period_start, passed.threshold) == (period_start, threshold)
                && passed.reported_at.is_some()
        })
    };
    let mut all_told = true;
    for threshold in status.passed.iter().copied().filter(|threshold| !is_reported(*threshold)) {
        let mut passed = Passed { period_start, threshold, passed_at: now, reported_at: None };
        catalogue.note_passed(farm.farm_id, &budget.name, &passed)?;
        let message = Message { farm, budget, scope, status, threshold };
        match deliver(arguments, catalogue, &message) {
            Ok(()) => {
                passed.reported_at = Some(SystemClock::default().now());
                catalogue.note_passed(farm.farm_id, &budget.name, &passed)?;
            }
            Err(failure) => {
                all_told = false;
                failure.hint("the next check tries again").report();
            }
        }
    }
    Ok(all_told)
}

/// A budget without a webhook is told on the terminal, which the check does.
fn deliver(arguments: &CheckArguments, catalogue: &Catalogue, message: &Message<'_>) -> Result<(), Failure> {
    let Some(hook) = &message.budget.webhook else { return Ok(()) };
    let (farm_id, name) = (message.farm.farm_id, &message.budget.name);
    let secret = hook.sealed_secret.as_ref();
    let secret = secret.map(|sealed| open_webhook_secret(catalogue, farm_id, name, sealed)).transpose()?;
    let body = if hook.is_slack { message.as_slack() } else { message.as_json() };
    let delivery = webhook::Delivery {
        url: &hook.url,
        id: &message.id(),
        body: &body.to_string(),
        secret: secret.as_ref().map(|secret| secret.as_slice()),
    };
    delivery.send(arguments.webhook_retries, arguments.webhook_wait)
}

fn show(format: CheckFormat, checked: &[Checked]) -> Result<(), Failure> {
    match format {
        CheckFormat::Json => print(json!({ "budgets": checked.iter().map(as_json).collect::<Vec<_>>() })),
        CheckFormat::Table if checked.is_empty() => Ok(()),
        CheckFormat::Table => {
            let head = ["budget", "scope", "from", "to", "limit", "spent", "percent", "projected", "passed"];
            print(table(&head, &checked.iter().map(row).collect::<Vec<_>>()))
        }
    }
}

fn row(checked: &Checked) -> Vec<String> {
    let Checked { budget, scope, status } = checked;
    let passed: Vec<String> = status.passed.iter().map(u32::to_string).collect();
    vec![
        budget.name.to_string(),
        scope.clone(),
        status.period.start().to_string(),
        status.period.end().to_string(),
        budget.limit.to_string(),
        decimal(status.spent, SPENT_UNITS),
        percent(budget, status),
        status.projected_nanos.map_or_else(|| "-".to_owned(), usd),
        if passed.is_empty() { "-".to_owned() } else { passed.join(",") },
    ]
}

/// Of the limit, with one decimal, cut down.
fn percent(budget: &Budget, status: &BudgetStatus) -> String {
    let limit = u128::from(budget.limit.nanos()) * 1_000_000_000;
    decimal(status.spent.saturating_mul(1000) / limit, 10)
}

/// Amounts as text, which keeps all decimals whoever reads it.
fn as_json(checked: &Checked) -> Value {
    let Checked { budget, scope, status } = checked;
    json!({
        "budget": budget.name.as_str(),
        "scope": scope,
        "queueId": budget.queue_id.map(|id| id.to_string()),
        "periodStart": status.period.start().to_string(),
        "periodEnd": status.period.end().to_string(),
        "limitInUsd": budget.limit.to_string(),
        "spentInUsd": decimal(status.spent, SPENT_UNITS),
        "percent": percent(budget, status),
        "projectedInUsd": status.projected_nanos.map(usd),
        "passed": status.passed,
    })
}
