//! The columns of FOCUS that farmtally has something to say in, for each version that it writes.

use super::{Column, ColumnKind};

/// A version of the FinOps Open Cost and Usage Specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FocusVersion {
    /// 1.2, of 2025, which most readers know.
    V1_2,
    /// 1.4, of 2026, which names who provides and who hosts.
    V1_4,
}

impl FocusVersion {
    /// Every version with its number.
    pub const ALL: [(&'static str, Self); 2] = [("1.2", Self::V1_2), ("1.4", Self::V1_4)];
}

/// What a value is, whichever version names its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FocusField {
    BilledCost,
    BillingAccountId,
    BillingAccountName,
    BillingAccountType,
    BillingCurrency,
    BillingPeriodEnd,
    BillingPeriodStart,
    ChargeCategory,
    ChargeClass,
    ChargeDescription,
    ChargeFrequency,
    ChargePeriodEnd,
    ChargePeriodStart,
    ConsumedQuantity,
    ConsumedUnit,
    ContractedCost,
    EffectiveCost,
    HostProviderName,
    InvoiceIssuerName,
    ListCost,
    PricingCategory,
    PricingQuantity,
    PricingUnit,
    ProviderName,
    PublisherName,
    ResourceId,
    ResourceName,
    ResourceType,
    ServiceCategory,
    ServiceName,
    ServiceProviderName,
    ServiceSubcategory,
    SkuId,
    SkuMeter,
    SubAccountId,
    SubAccountName,
    SubAccountType,
    Tags,
}

/// Nano-dollars times a scale factor in nanos: no cost has more decimals.
pub(super) const COST: ColumnKind = ColumnKind::Decimal(18);
/// Seconds, in milliseconds.
pub(super) const SECONDS: ColumnKind = ColumnKind::Decimal(3);

use ColumnKind::{Instant, Json, Text};
use FocusField as F;

const COLUMNS: [(FocusField, Column); 38] = [
    (F::BilledCost, Column::required("BilledCost", COST)),
    (F::BillingAccountId, Column::required("BillingAccountId", Text)),
    (F::BillingAccountName, Column::nullable("BillingAccountName", Text)),
    (F::BillingAccountType, Column::required("BillingAccountType", Text)),
    (F::BillingCurrency, Column::required("BillingCurrency", Text)),
    (F::BillingPeriodEnd, Column::required("BillingPeriodEnd", Instant)),
    (F::BillingPeriodStart, Column::required("BillingPeriodStart", Instant)),
    (F::ChargeCategory, Column::required("ChargeCategory", Text)),
    (F::ChargeClass, Column::nullable("ChargeClass", Text)),
    (F::ChargeDescription, Column::nullable("ChargeDescription", Text)),
    (F::ChargeFrequency, Column::required("ChargeFrequency", Text)),
    (F::ChargePeriodEnd, Column::required("ChargePeriodEnd", Instant)),
    (F::ChargePeriodStart, Column::required("ChargePeriodStart", Instant)),
    (F::ConsumedQuantity, Column::nullable("ConsumedQuantity", SECONDS)),
    (F::ConsumedUnit, Column::nullable("ConsumedUnit", Text)),
    (F::ContractedCost, Column::required("ContractedCost", COST)),
    (F::EffectiveCost, Column::required("EffectiveCost", COST)),
    (F::HostProviderName, Column::nullable("HostProviderName", Text)),
    (F::InvoiceIssuerName, Column::required("InvoiceIssuerName", Text)),
    (F::ListCost, Column::required("ListCost", COST)),
    (F::PricingCategory, Column::nullable("PricingCategory", Text)),
    (F::PricingQuantity, Column::nullable("PricingQuantity", SECONDS)),
    (F::PricingUnit, Column::nullable("PricingUnit", Text)),
    (F::ProviderName, Column::required("ProviderName", Text)),
    (F::PublisherName, Column::required("PublisherName", Text)),
    (F::ResourceId, Column::nullable("ResourceId", Text)),
    (F::ResourceName, Column::nullable("ResourceName", Text)),
    (F::ResourceType, Column::nullable("ResourceType", Text)),
    (F::ServiceCategory, Column::required("ServiceCategory", Text)),
    (F::ServiceName, Column::required("ServiceName", Text)),
    (F::ServiceProviderName, Column::required("ServiceProviderName", Text)),
    (F::ServiceSubcategory, Column::required("ServiceSubcategory", Text)),
    (F::SkuId, Column::nullable("SkuId", Text)),
    (F::SkuMeter, Column::nullable("SkuMeter", Text)),
    (F::SubAccountId, Column::nullable("SubAccountId", Text)),
    (F::SubAccountName, Column::nullable("SubAccountName", Text)),
    (F::SubAccountType, Column::nullable("SubAccountType", Text)),
    (F::Tags, Column::nullable("Tags", Json)),
];

/// The columns of a version, by name.
pub(super) fn columns(version: FocusVersion) -> impl Iterator<Item = (FocusField, Column)> {
    let is_in = move |field: FocusField| match field {
        F::ProviderName | F::PublisherName => version == FocusVersion::V1_2,
        F::ServiceProviderName | F::HostProviderName => version == FocusVersion::V1_4,
        _ => true,
    };
    COLUMNS.into_iter().filter(move |(field, _)| is_in(*field))
}
