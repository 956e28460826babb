//! `rates explain`: which rate priced a session, and the arithmetic from the rate to the stored cost.

use std::fmt::Write;

use farmtally_ingest::{Charge, LineExplanation, RatePart};
use farmtally_model::{LineCost, NanoUsd, Record, Span, Timestamp};
use farmtally_service::{CostOrigin, ExplainingCard, Explanation, FleetThen, SpreadBill, StoredRecord};

use crate::args::FarmArguments;
use crate::args::rates::ExplainArguments;
use crate::money_text::decimal;
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;
use crate::terminal_text::one_line;

const THOUSAND: u128 = 1000;
const MILLION: u128 = 1_000_000;

pub(super) fn run(arguments: &ExplainArguments) -> Result<(), Failure> {
    let FarmArguments { folder, farm: reference } = &arguments.farm;
    let catalogue = folder.existing()?;
    let farm = reference.existing(&catalogue)?;
    let reading = Reading::open(folder)?;
    let explanation = reading.service().explain(farm.farm_id, arguments.record)?;
    let Some(explanation) = explanation else {
        let message = format!("the farm `{reference}` has no session or volume `{}`", arguments.record);
        return Err(Failure::failed(message));
    };
    print(heading(&explanation.stored))?;
    for index in 0..lines(&explanation.stored).len() {
        print(line(&explanation, index, &catalogue.spread_bills(farm.farm_id)?))?;
    }
    print_same(&explanation)
}

fn print_same(explanation: &Explanation) -> Result<(), Failure> {
    match &explanation.same_as[..] {
        [] => Ok(()),
        same => {
            let versions: Vec<String> = same.iter().map(u32::to_string).collect();
            print(format_args!("the same price by version {} of the rate card", versions.join(", ")))
        }
    }
}

fn heading(stored: &StoredRecord) -> String {
    let record = &stored.record;
    let end = |span: Span| span.ended_at().map_or_else(|| "now".to_owned(), |end| end.to_string());
    let (id, span, revision) = (record.id(), record.span(), record.revision());
    format!("{id} from {} to {}, revision {revision}", span.started_at(), end(span))
}

/// What each line is, and what it costs.
fn lines(stored: &StoredRecord) -> Vec<(String, LineCost)> {
    match &stored.record {
        Record::Session(session) => {
            session.usage.as_slice().iter().map(|line| (line.usage.to_string(), line.cost)).collect()
        }
        Record::Volume(volume) => vec![("PERSISTENT_VOLUME".to_owned(), volume.cost)],
    }
}

fn line(explanation: &Explanation, index: usize, bills: &[SpreadBill]) -> String {
    let (usage, cost) = lines(&explanation.stored).swap_remove(index);
    let cost_text = match cost {
        LineCost::Total(total) => format!("{usage}: {total} USD"),
        LineCost::PerHour(rate) => format!("{usage}: {rate} USD an hour for each"),
    };
    let origin = explanation.stored.origins.as_ref().and_then(|origins| origins.get(index));
    match (origin, &explanation.card) {
        (None, _) => format!("{cost_text}; farmtally cannot tell whether it came with the record"),
        (Some(CostOrigin::Sent), _) => format!("{cost_text}, which came with the record"),
        (Some(CostOrigin::Share), _) => format!("{cost_text}, {}", share(explanation, bills)),
        (Some(CostOrigin::Priced), Some(card)) => {
            format!("{cost_text}, {}{}", by(card), arithmetic(&card.lines[index]))
        }
        (Some(CostOrigin::Priced), None) if cost == LineCost::Total(NanoUsd::ZERO) => {
            format!("{cost_text}, because the farm had no rate for it when it came")
        }
        (Some(CostOrigin::Priced), None) => {
            format!("{cost_text}; none of the rate cards that farmtally keeps gives this price")
        }
    }
}

/// Of which bill a session's worker costs a share, and what its source said that it cost.
fn share(explanation: &Explanation, bills: &[SpreadBill]) -> String {
    let Record::Session(session) = &explanation.stored.record else { return String::new() };
    let pays = |bill: &&SpreadBill| {
        let is_in_period = |end: Timestamp| bill.period_start <= end && end < bill.period_end;
        bill.fleet_id == session.fleet_id && session.span.ended_at().is_some_and(is_in_period)
    };
    let of = match bills.iter().rfind(pays) {
        Some(bill) => format!(
            "a share of the bill of {} USD for {} to {}, which was spread over its fleet on {}",
            bill.amount, bill.period_start, bill.period_end, bill.spread_at
        ),
        None => "a share of a bill of its fleet".to_owned(),
    };
    match explanation.stored.share.and_then(|share| share.sent) {
        Some(sent) => format!("{of};\n  it came with {sent} USD"),
        None => of,
    }
}

fn by(card: &ExplainingCard) -> String {
    let fleet = match &card.fleet_then {
        None => String::new(),
        Some(FleetThen::Called(name)) => format!(", when its fleet was called `{}`", one_line(name.as_str())),
        Some(FleetThen::Otherwise) => ", when its fleet had another name".to_owned(),
    };
    format!("by version {} of the rate card (id {}, set {}){fleet}", card.version, card.id, card.set_at)
}

fn arithmetic(line: &LineExplanation) -> String {
    let mut text = String::new();
    for part in &line.parts {
        // Writing to a string cannot fail.
        write!(text, "\n  {}", self::part(part)).unwrap_or_default();
    }
    if let LineCost::Total(total) = line.cost {
        let (numerator, denominator) = lowest_terms(line.numerator, LineExplanation::DENOMINATOR);
        let licences =
            if line.quantity == 1 { String::new() } else { format!(" for {} licences", line.quantity) };
        write!(
            text,
            "\n  together{licences} {numerator}/{denominator} nano-dollars, cut to {}",
            total.nanos()
        )
        .unwrap_or_default();
    }
    text
}

fn part(part: &RatePart) -> String {
    let time = if part.from == part.until {
        format!("at {}", part.from)
    } else {
        format!("{} to {}, {} ms", part.from, part.until, part.duration_ms)
    };
    let Some(rate) = part.rate else { return format!("{time}: no rate, free") };
    let charges: Vec<String> = part.charges.iter().map(charge).collect();
    let is_known = part.charges.iter().all(|charge| charge.quantity_thousandths.is_some());
    let factor = match u128::from(part.factor_millionths) {
        MILLION => String::new(),
        millionths => format!(", times {}", decimal(millionths, MILLION)),
    };
    let free = if is_known { "" } else { ", free because the card does not say how many" };
    format!("{time}: rate {rate} ({}): {}{factor}{free}", part.selector, charges.join(" + "))
}

fn charge(charge: &Charge) -> String {
    let quantity = charge
        .quantity_thousandths
        .map_or_else(|| "?".to_owned(), |thousandths| decimal(u128::from(thousandths), THOUSAND));
    format!("{} {} x {quantity}", charge.field, charge.usd)
}

fn lowest_terms(numerator: u128, denominator: u128) -> (u128, u128) {
    let (mut one, mut other) = (numerator, denominator);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    (numerator / one.max(1), denominator / one.max(1))
}
