//! Warnings about budgets that count nothing, because nothing of the farm is what they name.

use farmtally_model::{FarmId, QueueId};
use farmtally_service::{Budget, Catalogue, Service, UnmatchedJobName, UnmatchedUser, unmatched_user};

use crate::report_error::Failure;
use crate::talk::tell;
use crate::terminal_text::one_line;

/// Warns about what a budget names and the farm does not have. It may come, so that nothing is refused.
pub(super) fn warn(
    catalogue: &Catalogue,
    service: Option<&Service>,
    farm_id: FarmId,
    budget: &Budget,
) -> Result<(), Failure> {
    let mut reasons = Vec::new();
    if let Some(queue_id) = budget.queue_id
        && !has_queue(catalogue, farm_id, queue_id)?
    {
        reasons.push(format!("the farm has no queue `{queue_id}`"));
    }
    if let Some(user_id) = &budget.user_id
        && let Some(UnmatchedUser { nearest }) = unmatched_user(catalogue, farm_id, user_id)?
    {
        // Of three letters, two that differ leave nothing in common.
        let nearest = nearest.filter(|_| user_id.as_str().chars().count() > 3);
        let nearest = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        reasons.push(format!("the farm has no user `{user_id}`{nearest}"));
    }
    if let (Some(pattern), Some(service)) = (&budget.job_name, service)
        && let Some(unmatched) = service.unmatched_job_name(farm_id, pattern)?
    {
        reasons.push(format!("no job is called like `{pattern}`{}", similar(&unmatched)));
    }
    for reason in reasons {
        let line = format!("warning: the budget `{}` counts nothing so far: {reason}", budget.name);
        tell(one_line(&line));
    }
    Ok(())
}

fn has_queue(catalogue: &Catalogue, farm_id: FarmId, queue_id: QueueId) -> Result<bool, Failure> {
    Ok(catalogue.unknown_queues(farm_id, &[queue_id])?.is_empty())
}

fn similar(unmatched: &UnmatchedJobName) -> String {
    let UnmatchedJobName { is_case, similar } = unmatched;
    let names: Vec<String> = similar.iter().map(|name| format!("`{name}`")).collect();
    match (&names[..], is_case) {
        ([], _) => String::new(),
        (_, true) => format!("; capitals matter, and there is {}", names.join(", ")),
        (_, false) => format!("; there is {}", names.join(", ")),
    }
}
