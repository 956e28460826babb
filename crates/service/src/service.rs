//! The one object behind every face of farmtally.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use farmtally_store::{AuditEntry, Store};

use crate::clock::Clock;
use crate::counts::{Counters, ServiceCounts};
use crate::engines::Distributed;
use crate::error::{OpenError, ServiceError};
use crate::key_ring::KeyRing;
use crate::keys::{Credential, KeyAdministration};
use crate::limits::ServiceLimits;
use crate::page_token::PageTokens;
use crate::result_cache::ResultCache;
use crate::sealing::random_bytes;
use crate::shown::ShownAnswers;
use crate::underway::Underway;
use crate::watchdog::Watchdog;

/// The use cases of farmtally over one store.
#[derive(Debug)]
pub struct Service {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: ServiceLimits,
    /// The engine on other machines, if there is one.
    pub(crate) distributed: Option<Distributed>,
    pub(crate) keys: KeyRing,
    pub(crate) page_tokens: PageTokens,
    pub(crate) results: ResultCache,
    pub(crate) underway: Underway,
    pub(crate) shown: ShownAnswers,
    pub(crate) watchdog: Watchdog,
    pub(crate) counters: Counters,
    /// Parsed rate cards by the text they were parsed from.
    pub(crate) rate_cards: Mutex<HashMap<String, Arc<farmtally_ingest::RateCard>>>,
}

/// The setting under which the page-token key is kept, so that tokens outlive a restart.
const PAGE_TOKEN_KEY: &str = "page-token-key";

impl Service {
    /// Opens the store in a folder and takes up where the last process stopped.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>, limits: ServiceLimits) -> Result<Arc<Self>, OpenError> {
        Self::open_with_engine(folder, clock, limits, None)
    }

    /// The same, with an engine on other machines for large questions.
    pub fn open_with_engine(
        folder: &Path,
        clock: Arc<dyn Clock>,
        limits: ServiceLimits,
        distributed: Option<Distributed>,
    ) -> Result<Arc<Self>, OpenError> {
        let service = Self::over(Store::open(folder)?, clock, limits)?;
        Ok(Arc::new(Self { distributed, ..service }))
    }

    fn over(store: Store, clock: Arc<dyn Clock>, limits: ServiceLimits) -> Result<Self, OpenError> {
        let page_token_key = page_token_key(&store)?;
        Ok(Self {
            keys: KeyRing::new(store.catalogue()),
            page_tokens: PageTokens::new(&page_token_key),
            results: ResultCache::new(limits.cached_rows_max),
            underway: Underway::default(),
            shown: ShownAnswers::default(),
            watchdog: Watchdog::default(),
            counters: Counters::default(),
            rate_cards: Mutex::default(),
            store,
            clock,
            limits,
            distributed: None,
        })
    }

    /// The present, by the clock that the service was given.
    pub fn now(&self) -> farmtally_model::Timestamp {
        self.clock.now()
    }

    /// Whether the catalogue answers, so that requests have a chance to.
    pub fn check_ready(&self) -> Result<(), ServiceError> {
        self.store.catalogue().setting(PAGE_TOKEN_KEY)?;
        Ok(())
    }

    /// How a write failed that the disk did not confirm, if one did. Only a new start shows what is really stored.
    pub fn write_failure(&self) -> Option<String> {
        self.store.write_failure()
    }

    /// Why nothing is answered or changed any more, if a newer program brought the catalogue on that servers share.
    pub fn outdated(&self) -> Option<String> {
        self.store.outdated().map(|error| error.to_string())
    }

    /// Seals everything of a farm that has ended, now, so that readers of its Parquet files see it.
    pub fn seal(&self, farm_id: farmtally_model::FarmId) -> Result<(), ServiceError> {
        Ok(self.store.seal(farm_id)?)
    }

    /// What this process has done so far.
    pub fn counts(&self) -> ServiceCounts {
        self.counters.counts()
    }

    /// Writes down who did what. What was done is not undone when that fails; the log of the process says so.
    pub fn audit(&self, entry: &AuditEntry<'_>) {
        if let Err(error) = self.store.catalogue().audit().append(entry, self.now()) {
            tracing::error!(error = &error as &dyn std::error::Error, action = entry.action, "not audited");
        }
    }

    /// The key that a request says it was signed with, unless there is none or it does not work now.
    pub fn credential(&self, access_key_id: &str) -> Result<Option<Credential>, ServiceError> {
        let now = self.now();
        self.keys.credential(self.store.catalogue(), access_key_id, now).map_err(ServiceError::internal)
    }

    /// The same, if memory alone can tell: `None` when the catalogue has to be asked. It never waits for the disk.
    pub fn credential_at_hand(&self, access_key_id: &str) -> Option<Credential> {
        self.keys.remembered(access_key_id)
    }

    /// Making, listing, rotating, disabling and deleting keys.
    pub fn key_administration(&self) -> KeyAdministration<'_> {
        KeyAdministration::new(self.store.catalogue())
    }

    /// Publishes the address under which this process serves, for the other commands on this machine.
    pub fn publish_endpoint(&self, url: &str) -> Result<(), ServiceError> {
        self.store.publish_endpoint(url).map_err(ServiceError::internal)
    }

    /// Takes the published address back.
    pub fn withdraw_endpoint(&self) -> Result<(), ServiceError> {
        self.store.withdraw_endpoint().map_err(ServiceError::internal)
    }
}

fn page_token_key(store: &Store) -> Result<[u8; 32], OpenError> {
    let catalogue = store.catalogue();
    if let Some(key) = catalogue.setting(PAGE_TOKEN_KEY)?.and_then(|key| key.try_into().ok()) {
        return Ok(key);
    }
    let key = random_bytes::<32>().map_err(|error| OpenError::NoRandomness(Box::new(error)))?;
    // Servers that start at once on a new catalogue agree on one.
    let agreed = catalogue.setting_or(PAGE_TOKEN_KEY, &key)?;
    Ok(agreed.try_into().unwrap_or(key))
}
