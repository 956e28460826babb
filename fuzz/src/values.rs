//! Values of the model, which are read in every other place too.

use farmtally_model::{
    AggregationId, CostScaleFactor, DisplayName, FarmId, FleetId, HourlyRate, InstanceType, JobId, JobName,
    LicenseProduct, NanoUsd, QueueId, SessionId, Timestamp, UserId, UtcOffset, VolumeId, WorkerId,
};

use crate::text;

pub(crate) fn timestamp(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(instant) = Timestamp::parse(&text) {
        assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant), "{text:?}");
    }
    if let Ok(instant) = Timestamp::parse_exact(&text) {
        assert_eq!(Timestamp::parse(&text), Ok(instant), "{text:?}");
    }
}

pub(crate) fn offset(bytes: &[u8]) {
    if let Ok(offset) = UtcOffset::parse(&text(bytes)) {
        assert_eq!(UtcOffset::parse(&offset.to_string()), Ok(offset));
        assert!(offset.millis().unsigned_abs() < 24 * 3_600_000);
    }
}

pub(crate) fn money(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(cost) = NanoUsd::parse(&text) {
        assert_eq!(NanoUsd::parse(&cost.to_string()), Ok(cost), "{text:?}");
        assert!(cost <= NanoUsd::MAX);
    }
    if let Ok(rate) = HourlyRate::parse(&text) {
        assert_eq!(HourlyRate::parse(&rate.to_string()), Ok(rate), "{text:?}");
    }
    if let Ok(factor) = CostScaleFactor::parse(&text) {
        assert_eq!(CostScaleFactor::parse(&factor.to_string()), Ok(factor), "{text:?}");
    }
}

pub(crate) fn ids(bytes: &[u8]) {
    let text = text(bytes);
    macro_rules! reads_back {
        ($($id:ty),*) => {$(
            if let Ok(id) = <$id>::parse(&text) {
                assert_eq!(id.to_string(), text, "{}", stringify!($id));
            }
        )*};
    }
    reads_back!(AggregationId, FarmId, FleetId, JobId, QueueId, SessionId, VolumeId, WorkerId);
}

pub(crate) fn texts(bytes: &[u8]) {
    let text = text(bytes);
    macro_rules! keeps {
        ($($kind:ty),*) => {$(
            if let Ok(kept) = <$kind>::new(&text) {
                assert_eq!(kept.as_str(), text, "{}", stringify!($kind));
            }
        )*};
    }
    keeps!(DisplayName, InstanceType, JobName, LicenseProduct, UserId);
}
