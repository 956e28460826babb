//! A month's usage in the columns of FOCUS: a row for each UTC day and each use of each job, and for each volume.
//!
//! The costs are pieces of the stored costs, cut at midnights by the rule of every answer, so that the rows of a month add up
//! to what the API says about it, to the last decimal, scale factor included.

use std::collections::BTreeMap;

use farmtally_model::{
    CostScaleFactor, DisplayName, FarmId, FleetId, LineCost, QueueId, Record, Timestamp, Usage,
};
use farmtally_store::Farm;

use super::focus_columns::{self, FocusField, FocusVersion};
use super::json_lines::json_text;
use super::used::{self, Piece};
use super::{Cell, ExportError, Table};
use crate::error::ServiceError;
use crate::month::Month;
use crate::service::Service;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How the rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusOptions {
    /// The version whose columns they have.
    pub version: FocusVersion,
    /// Who provides the service and issues the invoice; the farm's name if nobody says.
    pub provider: Option<DisplayName>,
}

/// What the pieces of a row have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    day_ms: i64,
    fleet_id: FleetId,
    queue_id: Option<QueueId>,
    /// Of the job or the volume.
    resource_id: String,
    job_name: Option<String>,
    user_id: Option<String>,
    instance_type: Option<String>,
    usage_type: &'static str,
    license_product: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    cost_nanos: u128,
    /// Time, for licences times their number.
    used_ms: u128,
}

/// A farm with its names.
struct Writing {
    farm: Farm,
    provider: String,
    month: Month,
    queues: BTreeMap<QueueId, DisplayName>,
    fleets: BTreeMap<FleetId, DisplayName>,
}

pub(super) fn table(
    service: &Service,
    farm_id: FarmId,
    month: Month,
    options: &FocusOptions,
) -> Result<Table, ExportError> {
    let farm = service.existing_farm(farm_id)?;
    let catalogue = service.store.catalogue();
    let queues = catalogue.queues(farm_id, None, usize::MAX).map_err(ServiceError::from)?;
    let writing = Writing {
        provider: options.provider.as_ref().unwrap_or(&farm.display_name).to_string(),
        month,
        queues: queues.into_iter().map(|queue| (queue.id, queue.display_name)).collect(),
        fleets: service.names_of_fleets(farm_id)?.into_iter().collect(),
        farm,
    };
    let rows = rows(service, farm_id, month)?;
    let fields: Vec<_> = focus_columns::columns(options.version).collect();
    let cells = rows
        .iter()
        .map(|(key, amounts)| fields.iter().map(|(field, _)| writing.cell(*field, key, *amounts)).collect());
    Ok(Table { rows: cells.collect(), columns: fields.iter().map(|(_, column)| *column).collect() })
}

/// The month's usage by what its rows have in common.
fn rows(service: &Service, farm_id: FarmId, month: Month) -> Result<BTreeMap<Key, Amounts>, ExportError> {
    let range = month.range().map_err(ServiceError::internal)?;
    let now = service.now();
    let (mut rows, mut failure) = (BTreeMap::new(), None);
    service.for_each_record(farm_id, range, &mut |stored| {
        if failure.is_none() {
            failure = add(&stored.record, month, now, &mut rows).err();
        }
    })?;
    failure.map_or(Ok(rows), Err)
}

fn add(
    record: &Record<LineCost>,
    month: Month,
    now: Timestamp,
    rows: &mut BTreeMap<Key, Amounts>,
) -> Result<(), ExportError> {
    let (month_start, month_end) = (month.start().millis(), month.end().millis());
    for line in used::lines(record, now)? {
        let first = line.start_ms.max(month_start);
        let mut day_ms = first - first.rem_euclid(DAY_MS);
        // Once at least, for a line without any length.
        while day_ms < month_end && day_ms <= line.end_ms {
            if let Some(piece) = line.piece(day_ms, (day_ms + DAY_MS).min(month_end)) {
                let row = rows.entry(Key::of(record, line.usage.as_ref(), day_ms)).or_default();
                row.add(piece, line.usage.as_ref());
            }
            day_ms += DAY_MS;
        }
    }
    Ok(())
}

impl Amounts {
    fn add(&mut self, piece: Piece, usage: Option<&Usage>) {
        let quantity = match usage {
            Some(Usage::License { quantity, .. }) => *quantity,
            _ => 1,
        };
        self.cost_nanos += u128::from(piece.cost_nanos);
        self.used_ms += u128::from(piece.runtime_ms) * u128::from(quantity);
    }

    /// The cost times a factor, in units of 1e-18.
    fn scaled(self, factor: CostScaleFactor) -> Cell {
        number(self.cost_nanos.saturating_mul(factor.nanos().into()))
    }
}

/// 1e38 units of 1e-18 are more dollars than there are.
fn number(value: u128) -> Cell {
    Cell::Number(i128::try_from(value).unwrap_or(i128::MAX))
}

impl Key {
    fn of(record: &Record<LineCost>, usage: Option<&Usage>, day_ms: i64) -> Self {
        let (usage_type, license_product) = match usage {
            Some(Usage::Compute) => ("COMPUTE", None),
            Some(Usage::License { product, .. }) => ("LICENSE", Some(product.to_string())),
            None => ("PERSISTENT_VOLUME", None),
        };
        match record {
            Record::Session(session) => Self {
                day_ms,
                fleet_id: session.fleet_id,
                queue_id: Some(session.queue_id),
                resource_id: session.job_id.to_string(),
                job_name: Some(session.job_name.to_string()),
                user_id: Some(session.user_id.to_string()),
                instance_type: session.instance_type.as_ref().map(ToString::to_string),
                usage_type,
                license_product,
            },
            Record::Volume(volume) => Self {
                day_ms,
                fleet_id: volume.fleet_id,
                queue_id: None,
                resource_id: volume.volume_id.to_string(),
                job_name: None,
                user_id: None,
                instance_type: None,
                usage_type,
                license_product,
            },
        }
    }

    fn is_volume(&self) -> bool {
        self.queue_id.is_none()
    }

    fn sku(&self) -> String {
        match (&self.license_product, &self.instance_type) {
            (Some(product), _) => format!("LICENSE/{product}"),
            (None, Some(kind)) => format!("{}/{kind}", self.usage_type),
            (None, None) => self.usage_type.to_owned(),
        }
    }

    /// FOCUS's category and subcategory.
    fn service(&self) -> (&'static str, &'static str) {
        match self.usage_type {
            "COMPUTE" => ("Compute", "Other (Compute)"),
            "LICENSE" => ("Media", "Content Creation"),
            _ => ("Storage", "Block Storage"),
        }
    }

    fn meter(&self) -> &'static str {
        match self.usage_type {
            "COMPUTE" => "Worker time",
            "LICENSE" => "Licence time",
            _ => "Volume time",
        }
    }
}

impl Writing {
    fn cell(&self, field: FocusField, key: &Key, amounts: Amounts) -> Cell {
        use FocusField as F;
        let (category, subcategory) = key.service();
        match field {
            F::BilledCost | F::ContractedCost | F::EffectiveCost => {
                amounts.scaled(self.farm.cost_scale_factor)
            }
            F::ListCost => amounts.scaled(CostScaleFactor::ONE),
            F::BillingAccountId => Cell::text(self.farm.farm_id),
            F::BillingAccountName => Cell::text(&self.farm.display_name),
            F::BillingAccountType => Cell::text("Farm"),
            F::BillingCurrency => Cell::text("USD"),
            F::BillingPeriodStart => Cell::Instant(self.month.start()),
            F::BillingPeriodEnd => Cell::Instant(self.month.end()),
            F::ChargeCategory => Cell::text("Usage"),
            F::ChargeClass => Cell::Null,
            F::ChargeDescription => Cell::text(self.description(key)),
            F::ChargeFrequency => Cell::text("Usage-Based"),
            F::ChargePeriodStart => Cell::Instant(Timestamp::from_millis_clamped(key.day_ms)),
            F::ChargePeriodEnd => Cell::Instant(Timestamp::from_millis_clamped(key.day_ms + DAY_MS)),
            F::ConsumedQuantity | F::PricingQuantity => number(amounts.used_ms),
            F::ConsumedUnit | F::PricingUnit => Cell::text("Seconds"),
            F::PricingCategory => Cell::text("Standard"),
            F::HostProviderName
            | F::InvoiceIssuerName
            | F::ProviderName
            | F::PublisherName
            | F::ServiceProviderName => Cell::text(&self.provider),
            F::ResourceId => Cell::text(&key.resource_id),
            F::ResourceName => Cell::optional(key.job_name.as_ref()),
            F::ResourceType => Cell::text(if key.is_volume() { "Persistent volume" } else { "Job" }),
            F::ServiceCategory => Cell::text(category),
            F::ServiceSubcategory => Cell::text(subcategory),
            F::ServiceName => Cell::text("Render farm"),
            F::SkuId => Cell::text(key.sku()),
            F::SkuMeter => Cell::text(key.meter()),
            F::SubAccountId => Cell::optional(key.queue_id),
            F::SubAccountName => Cell::optional(key.queue_id.and_then(|id| self.queues.get(&id))),
            F::SubAccountType => Cell::optional(key.queue_id.map(|_| "Queue")),
            F::Tags => Cell::text(self.tags(key)),
        }
    }

    fn description(&self, key: &Key) -> String {
        let what = key.license_product.as_ref().or(key.instance_type.as_ref());
        let what = what.map(|what| format!(" {what}")).unwrap_or_default();
        format!("{}{what} of the fleet {}", key.usage_type, self.fleet(key.fleet_id))
    }

    fn fleet(&self, fleet_id: FleetId) -> String {
        self.fleets.get(&fleet_id).map_or_else(|| fleet_id.to_string(), ToString::to_string)
    }

    /// What FOCUS has no column for, under a prefix of ours, as tags of a provider have to be.
    fn tags(&self, key: &Key) -> String {
        let tags = [
            ("fleet", Some(self.fleet(key.fleet_id))),
            ("fleetId", Some(key.fleet_id.to_string())),
            ("instanceType", key.instance_type.clone()),
            ("licenseProduct", key.license_product.clone()),
            ("usageType", Some(key.usage_type.to_owned())),
            ("userId", key.user_id.clone()),
        ];
        let members = tags.into_iter().filter_map(|(name, value)| {
            Some(format!("{}:{}", json_text(&format!("farmtally/{name}")), json_text(&value?)))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}
