//! Budgets, and which of their thresholds were passed and reported. What is spent is not this crate's business.

use farmtally_model::{DisplayName, FarmId, NanoUsd, QueueId, Timestamp, UserId};

use super::{Catalogue, row};
use crate::database::{Row, params};
use crate::error::StoreError;

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// What people call it; the farm has no other of the name.
    pub name: DisplayName,
    /// What may be spent in a period.
    pub limit: NanoUsd,
    /// Its one period; every month when absent.
    pub dates: Option<(Timestamp, Timestamp)>,
    /// Usage of this queue alone.
    pub queue_id: Option<QueueId>,
    /// Usage of this user alone.
    pub user_id: Option<UserId>,
    /// Usage of jobs whose names match this pattern alone.
    pub job_name: Option<String>,
    /// Parts of the limit to report, in percent, ascending.
    pub thresholds: Vec<u32>,
    /// Who is told.
    pub webhook: Option<Webhook>,
    /// When it was set.
    pub created_at: Timestamp,
}

/// Who is told of a threshold that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// In the form that Slack shows, and not as an object with members.
    pub is_slack: bool,
    /// The secret that signs, sealed.
    pub sealed_secret: Option<Vec<u8>>,
}

/// A threshold of a budget in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// When the period began.
    pub period_start: Timestamp,
    /// The threshold, in percent.
    pub threshold: u32,
    /// When it was first seen to be passed.
    pub passed_at: Timestamp,
    /// When the webhook took it; also when there was none.
    pub reported_at: Option<Timestamp>,
}

const SELECT: &str = "SELECT name, limit_nanos, starts_at, ends_at, queue_id, user_id, job_name, thresholds, \
                      webhook_url, webhook_form, sealed_secret, created_at FROM budgets";

impl Catalogue {
    /// A farm's budgets, by name.
    pub fn budgets(&self, farm_id: FarmId) -> Result<Vec<Budget>, StoreError> {
        self.database().read(|connection| {
            connection.query(
                &format!("{SELECT} WHERE farm_id = ?1 ORDER BY name"),
                params![farm_id.bytes()],
                budget,
            )
        })
    }

    /// Sets a budget in the place of the one that has its name. What was reported of that one is forgotten.
    pub fn set_budget(&self, farm_id: FarmId, budget: &Budget) -> Result<(), StoreError> {
        if self.farm(farm_id)?.is_none() {
            return Err(StoreError::UnknownFarm { farm_id });
        }
        let (thresholds, webhook) = (thresholds_text(&budget.thresholds), budget.webhook.as_ref());
        let set = self.database().write(|transaction| {
            transaction.execute(
                "DELETE FROM budgets WHERE farm_id = ?1 AND name = ?2",
                params![farm_id.bytes(), budget.name.as_str()],
            )?;
            transaction.execute(
                "INSERT INTO budgets (farm_id, name, limit_nanos, starts_at, ends_at, queue_id, user_id,
                         job_name, thresholds, webhook_url, webhook_form, sealed_secret, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                params![
                    farm_id.bytes(),
                    budget.name.as_str(),
                    budget.limit.nanos().cast_signed(),
                    budget.dates.map(|(start, _)| start.millis()),
                    budget.dates.map(|(_, end)| end.millis()),
                    budget.queue_id.map(QueueId::bytes),
                    budget.user_id.as_ref().map(UserId::as_str),
                    budget.job_name,
                    thresholds,
                    webhook.map(|webhook| &webhook.url),
                    webhook.map(|webhook| if webhook.is_slack { "SLACK" } else { "JSON" }),
                    webhook.and_then(|webhook| webhook.sealed_secret.as_ref()),
                    budget.created_at.millis(),
                ],
            )?;
            Ok(())
        })?;
        set.into_inner();
        Ok(())
    }

    /// Forgets a budget. False when there is none of the name.
    pub fn remove_budget(&self, farm_id: FarmId, name: &DisplayName) -> Result<bool, StoreError> {
        let removed = self.database().write(|transaction| {
            transaction.execute(
                "DELETE FROM budgets WHERE farm_id = ?1 AND name = ?2",
                params![farm_id.bytes(), name.as_str()],
            )
        })?;
        Ok(removed.into_inner() == 1)
    }

    /// The thresholds that a budget passed, of all periods.
    pub fn passed_thresholds(&self, farm_id: FarmId, name: &DisplayName) -> Result<Vec<Passed>, StoreError> {
        self.database().read(|connection| {
            connection.query(
                "SELECT period_start, threshold, passed_at, reported_at FROM budget_reports
                 WHERE farm_id = ?1 AND name = ?2 ORDER BY period_start, threshold",
                params![farm_id.bytes(), name.as_str()],
                |stored| {
                    Ok(Passed {
                        period_start: row::timestamp(stored, 0)?,
                        threshold: stored.get(1)?,
                        passed_at: row::timestamp(stored, 2)?,
                        reported_at: row::optional_timestamp(stored, 3)?,
                    })
                },
            )
        })
    }

    /// Notes that a threshold was passed, and whether it was reported. What was noted before keeps its first time.
    pub fn note_passed(
        &self,
        farm_id: FarmId,
        name: &DisplayName,
        passed: &Passed,
    ) -> Result<(), StoreError> {
        let noted = self.database().write(|transaction| {
            transaction.execute(
                "INSERT INTO budget_reports (farm_id, name, period_start, threshold, passed_at, reported_at)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6
                     WHERE EXISTS (SELECT 1 FROM budgets WHERE farm_id = ?1 AND name = ?2)
                     ON CONFLICT (farm_id, name, period_start, threshold) DO UPDATE
                     SET reported_at = coalesce(budget_reports.reported_at, excluded.reported_at)",
                params![
                    farm_id.bytes(),
                    name.as_str(),
                    passed.period_start.millis(),
                    passed.threshold,
                    passed.passed_at.millis(),
                    passed.reported_at.map(Timestamp::millis),
                ],
            )?;
            Ok(())
        })?;
        noted.into_inner();
        Ok(())
    }
}

fn thresholds_text(thresholds: &[u32]) -> String {
    let texts: Vec<String> = thresholds.iter().map(u32::to_string).collect();
    texts.join(",")
}

fn budget(stored: &Row<'_>) -> Result<Budget, StoreError> {
    let (start, end) = (row::optional_timestamp(stored, 2)?, row::optional_timestamp(stored, 3)?);
    let thresholds: String = stored.get(7)?;
    let thresholds = thresholds.split(',').map(str::parse).collect::<Result<_, _>>();
    let (url, form): (Option<String>, Option<String>) = (stored.get(8)?, stored.get(9)?);
    let sealed_secret = stored.get(10)?;
    Ok(Budget {
        name: row::text(stored, 0, DisplayName::new)?,
        limit: row::nano_usd(stored, 1)?,
        dates: start.zip(end),
        queue_id: stored.get::<Option<[u8; 16]>>(4)?.map(QueueId::from_bytes),
        user_id: row::optional_text(stored, 5, UserId::new)?,
        job_name: stored.get(6)?,
        thresholds: row::checked(7, thresholds)?,
        webhook: url.map(|url| Webhook { url, is_slack: form.as_deref() == Some("SLACK"), sealed_secret }),
        created_at: row::timestamp(stored, 11)?,
    })
}
