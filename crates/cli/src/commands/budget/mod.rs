//! `budget`: what may be spent, and who is told when it is.

mod check;
mod message;
mod unmatched;
mod webhook;

use std::fs;

use farmtally_model::{DisplayName, FarmId, QueueId};
use farmtally_service::{Budget, Catalogue, Clock, SystemClock, Webhook, seal_webhook_secret};

use crate::args::FarmArguments;
use crate::args::budget::{BudgetCommand, RemoveArguments, SetArguments, WebhookForm};
use crate::audit;
use crate::exit::ExitStatus;
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;
use crate::terminal_text::one_line;

/// Units of what was spent in a dollar.
const SPENT_UNITS: u128 = 1_000_000_000_000_000_000;

/// Shortest secret that is worth signing with, in bytes.
const SECRET_BYTES_MIN: usize = 16;

/// Does what was asked for.
pub(crate) fn run(command: &BudgetCommand) -> Result<ExitStatus, Failure> {
    match command {
        BudgetCommand::Set(arguments) => set(arguments)?,
        BudgetCommand::List(arguments) => list(arguments)?,
        BudgetCommand::Check(arguments) => return check::run(arguments),
        BudgetCommand::Remove(arguments) => remove(arguments)?,
    }
    Ok(ExitStatus::Success)
}

fn set(arguments: &SetArguments) -> Result<(), Failure> {
    let catalogue = arguments.farm.folder.existing()?;
    let farm_id = arguments.farm.farm.existing(&catalogue)?.farm_id;
    let dates = arguments.from.zip(arguments.to);
    if let Some((from, to)) = dates
        && to <= from
    {
        return Err(Failure::usage(format!("--to {to} is not after --from {from}")));
    }
    let mut thresholds = arguments.threshold.clone();
    thresholds.sort_unstable();
    thresholds.dedup();
    let queue_id =
        arguments.queue.as_deref().map(|queue| self::queue(&catalogue, farm_id, queue)).transpose()?;
    let budget = Budget {
        name: arguments.name.clone(),
        limit: arguments.limit,
        dates,
        queue_id,
        user_id: arguments.user.clone(),
        job_name: arguments.job_name.clone(),
        thresholds,
        webhook: webhook(arguments, &catalogue, farm_id)?,
        created_at: SystemClock::default().now(),
    };
    catalogue.set_budget(farm_id, &budget)?;
    let detail = format!("{}: {} USD", budget.name, budget.limit);
    audit::note(&catalogue, "budget.set", &farm_id.to_string(), &detail)?;
    warn_if_unmatched(arguments, &catalogue, farm_id, &budget)
}

/// The names of jobs are in the records, which are read only where a budget names jobs.
fn warn_if_unmatched(
    arguments: &SetArguments,
    catalogue: &Catalogue,
    farm_id: FarmId,
    budget: &Budget,
) -> Result<(), Failure> {
    let reading = budget.job_name.as_ref().map(|_| Reading::open(&arguments.farm.folder)).transpose()?;
    unmatched::warn(catalogue, reading.as_ref().map(Reading::service), farm_id, budget)
}

fn webhook(
    arguments: &SetArguments,
    catalogue: &Catalogue,
    farm_id: FarmId,
) -> Result<Option<Webhook>, Failure> {
    let Some(url) = &arguments.webhook else { return Ok(None) };
    let sealed_secret = match &arguments.webhook_secret_file {
        None => None,
        Some(file) => {
            let cannot_read = |error| Failure::caused(format!("cannot read `{}`", file.display()), &error);
            let secret = fs::read(file).map_err(cannot_read)?;
            let secret = secret.trim_ascii_end();
            if secret.len() < SECRET_BYTES_MIN {
                let message =
                    format!("the secret has {} bytes; the least is {SECRET_BYTES_MIN}", secret.len());
                return Err(Failure::failed(message).hint("`openssl rand -hex 32` makes one"));
            }
            Some(seal_webhook_secret(catalogue, farm_id, &arguments.name, secret)?)
        }
    };
    let is_slack = arguments.webhook_form == WebhookForm::Slack;
    Ok(Some(Webhook { url: url.clone(), is_slack, sealed_secret }))
}

fn queue(catalogue: &Catalogue, farm_id: FarmId, name: &str) -> Result<QueueId, Failure> {
    if let Ok(id) = QueueId::parse(name) {
        return Ok(id);
    }
    let queues = catalogue.queues(farm_id, None, usize::MAX)?;
    let called_so: Vec<QueueId> =
        queues.iter().filter(|queue| queue.display_name.as_str() == name).map(|queue| queue.id).collect();
    match called_so[..] {
        [id] => Ok(id),
        [] => {
            let names: Vec<String> = queues.iter().map(|queue| format!("`{}`", queue.display_name)).collect();
            Err(Failure::failed(format!("there is no queue `{name}`"))
                .hint(format!("the queues of this farm are {}", names.join(", "))))
        }
        _ => Err(Failure::failed(format!("{} queues are called `{name}`", called_so.len()))
            .hint("name one by its id")),
    }
}

fn list(arguments: &FarmArguments) -> Result<(), Failure> {
    let catalogue = arguments.folder.existing()?;
    let farm_id = arguments.farm.existing(&catalogue)?.farm_id;
    for budget in catalogue.budgets(farm_id)? {
        let thresholds: Vec<String> = budget.thresholds.iter().map(u32::to_string).collect();
        let webhook = budget.webhook.as_ref().map_or("", |webhook| webhook.url.as_str());
        let parts = [
            budget.name.to_string(),
            budget.limit.to_string(),
            budget.dates.map_or_else(|| "monthly".to_owned(), |(start, end)| format!("{start}..{end}")),
            scope(&catalogue, farm_id, &budget)?,
            thresholds.join(","),
            webhook.to_owned(),
        ];
        print(parts.map(|part| one_line(&part).into_owned()).join("\t"))?;
    }
    Ok(())
}

/// What counts, in words. A queue that is gone has its id alone.
fn scope(catalogue: &Catalogue, farm_id: FarmId, budget: &Budget) -> Result<String, Failure> {
    let mut words = Vec::new();
    if let Some(id) = budget.queue_id {
        let queue = catalogue.resource(farm_id, id)?;
        let name = queue.map_or_else(|| id.to_string(), |queue| queue.display_name.to_string());
        words.push(format!("queue {name}"));
    }
    words.extend(budget.user_id.as_ref().map(|user_id| format!("user {user_id}")));
    words.extend(budget.job_name.as_ref().map(|pattern| format!("job {pattern}")));
    Ok(if words.is_empty() { "farm".to_owned() } else { words.join(", ") })
}

fn remove(arguments: &RemoveArguments) -> Result<(), Failure> {
    let catalogue = arguments.farm.folder.existing()?;
    let farm_id = arguments.farm.farm.existing(&catalogue)?.farm_id;
    if !catalogue.remove_budget(farm_id, &arguments.name)? {
        return Err(unknown(&catalogue, farm_id, &arguments.name));
    }
    audit::note(&catalogue, "budget.remove", &farm_id.to_string(), arguments.name.as_str())
}

fn unknown(catalogue: &Catalogue, farm_id: FarmId, name: &DisplayName) -> Failure {
    let failure = Failure::failed(format!("there is no budget `{name}`"));
    let Ok(budgets) = catalogue.budgets(farm_id) else { return failure };
    let names: Vec<String> = budgets.iter().map(|budget| format!("`{}`", budget.name)).collect();
    if names.is_empty() {
        failure.hint("the farm has no budgets; `farmtally budget set` sets one")
    } else {
        failure.hint(format!("the budgets of this farm are {}", names.join(", ")))
    }
}
