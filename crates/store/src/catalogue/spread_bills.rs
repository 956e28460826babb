//! Bills that were spread over the sessions of a fleet: what, when and how much, for whoever asks later.

use farmtally_model::{FarmId, FleetId, NanoUsd, Timestamp};

use super::{Catalogue, row};
use crate::database::params;
use crate::error::StoreError;

/// A bill that was spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpreadBill {
    /// The fleet whose sessions pay it.
    pub fleet_id: FleetId,
    /// The sessions that ended from here on pay it.
    pub period_start: Timestamp,
    /// The first instant after.
    pub period_end: Timestamp,
    /// Its amount.
    pub amount: NanoUsd,
    /// Sessions that pay.
    pub sessions: u64,
    /// When it was spread.
    pub spread_at: Timestamp,
}

impl Catalogue {
    /// Every bill that was spread over a farm's sessions, the first first.
    pub fn spread_bills(&self, farm_id: FarmId) -> Result<Vec<SpreadBill>, StoreError> {
        self.database().read(|connection| {
            connection.query(
                "SELECT fleet_id, period_start, period_end, bill_nanos, session_count, spread_at
                 FROM spread_bills WHERE farm_id = ?1 ORDER BY number",
                params![farm_id.bytes()],
                |stored| {
                    Ok(SpreadBill {
                        fleet_id: stored.get(0).map(FleetId::from_bytes)?,
                        period_start: row::timestamp(stored, 1)?,
                        period_end: row::timestamp(stored, 2)?,
                        amount: row::nano_usd(stored, 3)?,
                        sessions: stored.get::<i64>(4)?.cast_unsigned(),
                        spread_at: row::timestamp(stored, 5)?,
                    })
                },
            )
        })
    }

    /// Notes that a bill was spread.
    pub fn add_spread_bill(&self, farm_id: FarmId, bill: &SpreadBill) -> Result<(), StoreError> {
        let added = self.database().write(|transaction| {
            let sql = "INSERT INTO spread_bills
                     (farm_id, number, fleet_id, period_start, period_end, bill_nanos, session_count, spread_at)
                     SELECT ?1, 1 + coalesce((SELECT max(number) FROM spread_bills WHERE farm_id = ?1), 0),
                            ?2, ?3, ?4, ?5, ?6, ?7";
            transaction
                .execute(sql, params![
                    farm_id.bytes(),
                    bill.fleet_id.bytes(),
                    bill.period_start.millis(),
                    bill.period_end.millis(),
                    bill.amount.nanos().cast_signed(),
                    bill.sessions.cast_signed(),
                    bill.spread_at.millis(),
                ])?;
            Ok(())
        })?;
        added.into_inner();
        Ok(())
    }
}
