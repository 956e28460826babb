"""The columns of FOCUS's Cost and Usage, as its data model of version 1.4 lists them, and a checker of rows made of nothing else.

A column: its type, its level, whether it may be without a value, the version that brought it, and its allowed values.
"""

import json
import re
from datetime import datetime
from decimal import Decimal

COLUMNS = {
    "AllocatedMethodDetails": ("JSON", "Recommended", True, "1.3", None),
    "AllocatedMethodId": ("String", "Conditional", True, "1.3", None),
    "AllocatedResourceId": ("String", "Conditional", True, "1.3", None),
    "AllocatedResourceName": ("String", "Conditional", True, "1.3", None),
    "AllocatedTags": ("JSON", "Conditional", True, "1.3", None),
    "AvailabilityZone": ("String", "Recommended", True, "0.5", None),
    "BilledCost": ("Decimal", "Mandatory", False, "0.5", None),
    "BillingAccountId": ("String", "Mandatory", False, "0.5", None),
    "BillingAccountName": ("String", "Mandatory", True, "0.5", None),
    "BillingAccountType": ("String", "Conditional", False, "1.2", None),
    "BillingCurrency": ("String", "Mandatory", False, "0.5", None),
    "BillingPeriodEnd": ("Date/Time", "Mandatory", False, "0.5", None),
    "BillingPeriodStart": ("Date/Time", "Mandatory", False, "0.5", None),
    "CapacityReservationId": ("String", "Conditional", True, "1.1", None),
    "CapacityReservationStatus": ("String", "Conditional", True, "1.1", ("Used", "Unused")),
    "ChargeCategory": ("String", "Mandatory", False, "0.5", ("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    "ChargeClass": ("String", "Mandatory", True, "1.0", ("Correction",)),
    "ChargeDescription": ("String", "Mandatory", True, "1.0", None),
    "ChargeFrequency": ("String", "Recommended", False, "1.0", ("One-Time", "Recurring", "Usage-Based")),
    "ChargePeriodEnd": ("Date/Time", "Mandatory", False, "0.5", None),
    "ChargePeriodStart": ("Date/Time", "Mandatory", False, "0.5", None),
    "CommitmentDiscountCategory": ("String", "Conditional", True, "1.0", ("Spend", "Usage")),
    "CommitmentDiscountId": ("String", "Conditional", True, "1.0", None),
    "CommitmentDiscountName": ("String", "Conditional", True, "1.0", None),
    "CommitmentDiscountQuantity": ("Decimal", "Conditional", True, "1.1", None),
    "CommitmentDiscountStatus": ("String", "Conditional", True, "1.0", ("Used", "Unused")),
    "CommitmentDiscountType": ("String", "Conditional", True, "1.0", None),
    "CommitmentDiscountUnit": ("String", "Conditional", True, "1.1", None),
    "CommitmentProgramEligibilityDetails": ("JSON", "Conditional", True, "1.4", None),
    "ConsumedQuantity": ("Decimal", "Conditional", True, "1.0", None),
    "ConsumedUnit": ("String", "Conditional", True, "1.0", None),
    "ContractApplied": ("JSON", "Conditional", True, "1.3", None),
    "ContractedCost": ("Decimal", "Mandatory", False, "1.0", None),
    "ContractedUnitPrice": ("Decimal", "Conditional", True, "1.0", None),
    "EffectiveCost": ("Decimal", "Mandatory", False, "0.5", None),
    "HostProviderName": ("String", "Mandatory", True, "1.3", None),
    "InvoiceDetailId": ("String", "Conditional", True, "1.4", None),
    "InvoiceId": ("String", "Conditional", True, "1.2", None),
    "InvoiceIssuerName": ("String", "Mandatory", False, "0.5", None),
    "ListCost": ("Decimal", "Mandatory", False, "1.0", None),
    "ListUnitPrice": ("Decimal", "Conditional", True, "1.0", None),
    "PricingCategory": ("String", "Conditional", True, "1.0", ("Standard", "Dynamic", "Committed", "Other")),
    "PricingCurrency": ("String", "Conditional", False, "1.2", None),
    "PricingCurrencyContractedUnitPrice": ("Decimal", "Conditional", True, "1.2", None),
    "PricingCurrencyEffectiveCost": ("Decimal", "Conditional", False, "1.2", None),
    "PricingCurrencyListUnitPrice": ("Decimal", "Conditional", True, "1.2", None),
    "PricingQuantity": ("Decimal", "Mandatory", True, "1.0", None),
    "PricingUnit": ("String", "Mandatory", True, "1.0", None),
    "RegionId": ("String", "Conditional", True, "1.0", None),
    "RegionName": ("String", "Conditional", True, "1.0", None),
    "ResourceId": ("String", "Conditional", True, "0.5", None),
    "ResourceName": ("String", "Conditional", True, "0.5", None),
    "ResourceType": ("String", "Conditional", True, "1.0", None),
    "ServiceCategory": ("String", "Mandatory", False, "0.5", (
        "AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools",
        "Multicloud", "Identity", "Integration", "Internet of Things", "Management and Governance", "Media",
        "Migration", "Mobile", "Networking", "Security", "Storage", "Web", "Other",
    )),
    "ServiceName": ("String", "Mandatory", False, "0.5", None),
    "ServiceProviderName": ("String", "Mandatory", False, "1.3", None),
    "ServiceSubcategory": ("String", "Recommended", False, "1.1", None),
    "SkuId": ("String", "Conditional", True, "1.0", None),
    "SkuMeter": ("String", "Conditional", True, "1.1", None),
    "SkuPriceDetails": ("JSON", "Conditional", True, "1.1", None),
    "SkuPriceId": ("String", "Conditional", True, "1.0", None),
    "SubAccountId": ("String", "Conditional", True, "0.5", None),
    "SubAccountName": ("String", "Conditional", True, "0.5", None),
    "SubAccountType": ("String", "Conditional", True, "1.2", None),
    "Tags": ("JSON", "Conditional", True, "1.0", None),
}

# Until 1.3, in place of those that name providers since; removed in 1.4.
REMOVED = {name: ("String", "Mandatory", False, "0.5", None) for name in ("ProviderName", "PublisherName")}

# The subcategories of the categories that a render farm has to do with.
SUBCATEGORIES = {
    "Compute": ("Containers", "End User Computing", "Other (Compute)", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality", "Other (Media)"),
    "Storage": ("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Other (Storage)", "Storage Platforms"),
    "Other": ("Other (Other)",),
}


def columns_of(version):
    """The columns of a version by name."""
    known = {name: column for name, column in COLUMNS.items() if float(column[3]) <= float(version)}
    return known | (REMOVED if version == "1.2" else {})


def check(version, rows):
    """Checks rows of texts, in which an empty text is no value."""
    known = columns_of(version)
    names = set(rows[0])
    assert names <= set(known), names - set(known)
    mandatory = {name for name, column in known.items() if column[1] == "Mandatory"}
    assert mandatory <= names, mandatory - names
    for row in rows:
        for name, value in row.items():
            check_value(name, value, *known[name])
        check_row(row)


def check_value(name, value, kind, level, is_nullable, since, allowed):
    if value == "":
        assert is_nullable, f"{name} has no value"
        return
    assert allowed is None or value in allowed, (name, value)
    if kind == "Decimal":
        assert re.fullmatch(r"-?\d+(\.\d+)?", value), (name, value)
    elif kind == "Date/Time":
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    elif kind == "JSON":
        assert all(isinstance(member, str) for member in json.loads(value).values()), (name, value)


def check_row(row):
    """What a row's values have to do with each other."""
    start, end = row["ChargePeriodStart"], row["ChargePeriodEnd"]
    assert row["BillingPeriodStart"] <= start < end <= row["BillingPeriodEnd"], row
    assert row["ServiceSubcategory"] in SUBCATEGORIES[row["ServiceCategory"]], row
    assert re.fullmatch("[A-Z]{3}", row["BillingCurrency"])
    for quantity, unit in (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit")):
        assert (row[quantity] == "") == (row[unit] == ""), row
    for one, other in (("SubAccountId", "SubAccountType"), ("ResourceId", "ResourceType")):
        assert (row[one] == "") == (row[other] == ""), row
    assert row["ChargeCategory"] != "Usage" or row["PricingQuantity"] != "", row
    assert Decimal(row["BilledCost"]) == Decimal(row["EffectiveCost"])
