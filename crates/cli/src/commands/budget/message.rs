//! What a webhook is told of a threshold that was passed.

use farmtally_service::{Budget, BudgetStatus, Farm};
use serde_json::{Value, json};

use super::SPENT_UNITS;
use crate::money_text::{decimal, usd};

/// A threshold that a budget passed.
pub(super) struct Message<'a> {
    pub(super) farm: &'a Farm,
    pub(super) budget: &'a Budget,
    /// What of the farm the budget counts, in words.
    pub(super) scope: &'a str,
    pub(super) status: &'a BudgetStatus,
    pub(super) threshold: u32,
}

impl Message<'_> {
    /// The same for every attempt, so that a receiver that got it twice can tell.
    pub(super) fn id(&self) -> String {
        let (farm_id, start) = (self.farm.farm_id, self.status.period.start());
        // The name of the budget may have characters that no header has.
        let name: String =
            self.budget.name.as_str().bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        format!("{farm_id}/{name}/{start}/{}", self.threshold)
    }

    pub(super) fn as_json(&self) -> Value {
        let Self { farm, budget, scope, status, threshold } = self;
        json!({
            "id": self.id(),
            "farmId": farm.farm_id.to_string(),
            "farmName": farm.display_name.as_str(),
            "budget": budget.name.as_str(),
            "scope": scope,
            "queueId": budget.queue_id.map(|id| id.to_string()),
            "thresholdInPercent": threshold,
            "periodStart": status.period.start().to_string(),
            "periodEnd": status.period.end().to_string(),
            "limitInUsd": budget.limit.to_string(),
            "spentInUsd": decimal(status.spent, SPENT_UNITS),
            "projectedInUsd": status.projected_nanos.map(usd),
        })
    }

    /// A text for Slack's incoming webhooks, and for those that understand the same.
    pub(super) fn as_slack(&self) -> Value {
        let Self { farm, budget, scope, status, threshold } = self;
        let projected = status.projected_nanos.map(cents);
        let projected = projected.map(|usd| format!(", ${usd} projected by the end")).unwrap_or_default();
        let text = format!(
            "Budget *{}* of {} ({}) passed {threshold} %: ${} of ${} spent from {} to {}{projected}.",
            escaped(budget.name.as_str()),
            escaped(farm.display_name.as_str()),
            escaped(scope),
            cents(status.spent / 1_000_000_000),
            budget.limit,
            status.period.start(),
            status.period.end(),
        );
        json!({ "text": text })
    }
}

/// Dollars with two decimals, cut down: a text for people.
fn cents(nanos: u128) -> String {
    let cents = nanos / 10_000_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The three characters that mean something in Slack's texts.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_is_given_nothing_that_it_would_obey() {
        assert_eq!(escaped("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(cents(1_999_999_999), "1.99");
    }
}
