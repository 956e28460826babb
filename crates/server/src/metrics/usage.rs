//! What each farm used in its latest thirty days, computed at most once a minute.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use farmtally_service::Service;

/// How long the numbers are kept. A scrape comes more often than usage changes.
const KEPT: Duration = Duration::from_mins(1);

/// A farm's numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FarmUsage {
    pub(super) farm_id: String,
    pub(super) records: u64,
    pub(super) sessions: u64,
    pub(super) hours: f64,
    pub(super) cost_usd: f64,
}

/// The latest numbers.
#[derive(Debug, Default)]
pub(crate) struct UsageGauges(Mutex<Option<(Instant, Vec<FarmUsage>)>>);

impl UsageGauges {
    /// The numbers of the farms that the overview shows. A farm that cannot be read has none.
    pub(super) fn farms(&self, service: &Service) -> Vec<FarmUsage> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((at, farms)) if at.elapsed() < KEPT => farms.clone(),
            _ => {
                let farms = measured(service);
                *kept = Some((Instant::now(), farms.clone()));
                farms
            }
        }
    }
}

fn measured(service: &Service) -> Vec<FarmUsage> {
    let farms = service.overview_farms().unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn Error, "no farms for the metrics");
        Vec::new()
    });
    let usage = farms.into_iter().filter_map(|farm| {
        let (farm_id, factor) = (farm.farm_id, farm.cost_scale_factor);
        let overview = service
            .overview(farm_id)
            .inspect_err(|error| tracing::error!(farm = %farm_id, error = error as &dyn Error, "no usage"));
        let overview = overview.ok()?;
        Some(FarmUsage {
            farm_id: farm_id.to_string(),
            records: overview.record_count,
            sessions: overview.totals.sessions,
            hours: overview.totals.runtime_hours(),
            cost_usd: overview.totals.cost_usd(factor),
        })
    });
    usage.collect()
}
