//! `rates spread`: a fleet's bill over its sessions, as a report, and as stored costs only when asked for.

use std::collections::BTreeMap;

use farmtally_model::{FarmId, FleetId};
use farmtally_service::{Catalogue, Clock, FleetBill, Share, Spread, SpreadBill, SpreadError, SystemClock};
use serde_json::json;

use crate::args::FarmArguments;
use crate::args::rates::{FleetReference, ReportFormat, SpreadArguments, SpreadBy};
use crate::audit;
use crate::csv_text::csv_line;
use crate::exit::ExitStatus;
use crate::money_text::{decimal, usd, usd_difference};
use crate::output::print;
use crate::reading::Reading;
use crate::report_error::Failure;
use crate::revising::Revising;
use crate::table_text::table;
use crate::talk::tell;

pub(super) fn run(arguments: &SpreadArguments) -> Result<ExitStatus, Failure> {
    let FarmArguments { folder, farm: reference } = &arguments.farm;
    let catalogue = folder.existing()?;
    let farm_id = reference.existing(&catalogue)?.farm_id;
    let fleet_id = fleet(&catalogue, farm_id, &arguments.fleet)?;
    let bill = FleetBill { fleet_id, period: arguments.period, amount: arguments.bill };
    let reading = if arguments.yes { Reading::copy(folder)? } else { Reading::open(folder)? };
    let spread = reading.service().spread(farm_id, &bill).map_err(failure)?;
    report(arguments, &catalogue, farm_id, &spread)?;
    for (count, one, many) in [
        (
            spread.without_compute,
            "ended session has no COMPUTE line and pays nothing",
            "ended sessions have no COMPUTE line and pay nothing",
        ),
        (
            spread.running,
            "session still runs, and pays in the period in which it ends",
            "sessions still run, and pay in the period in which they end",
        ),
    ] {
        if count > 0 {
            tell(format_args!("{count} {}.", if count == 1 { one } else { many }));
        }
    }
    if !arguments.yes {
        tell("Nothing was changed; the same command with `--yes` makes the shares the stored costs.");
        return Ok(ExitStatus::Success);
    }
    let mut revising = Revising::open(folder, &catalogue, farm_id)?;
    reading.service().amend_to_shares(farm_id, &bill, &spread, &mut |amended| revising.revise(amended))?;
    let revised = revising.finish();
    let stored = revised.as_ref().map_or(0, |revised| revised.replaced);
    note(&catalogue, farm_id, &bill, &spread, stored)?;
    revised?.tell()
}

fn failure(error: SpreadError) -> Failure {
    match error {
        SpreadError::Service(error) => error.into(),
        SpreadError::NoRuntime { .. } => Failure::of(&error),
    }
}

/// Notes what was done, in the catalogue and in the audit log.
fn note(
    catalogue: &Catalogue,
    farm_id: FarmId,
    bill: &FleetBill,
    spread: &Spread,
    replaced: u64,
) -> Result<(), Failure> {
    let (start, end, sessions) = (bill.period.start(), bill.period.end(), spread.shares.len());
    if replaced > 0 {
        let spread_bill = SpreadBill {
            fleet_id: bill.fleet_id,
            period_start: start,
            period_end: end,
            amount: bill.amount,
            sessions: sessions as u64,
            spread_at: SystemClock::default().now(),
        };
        catalogue.add_spread_bill(farm_id, &spread_bill)?;
    }
    let detail = format!(
        "{} USD of `{}` from {start} to {end} over {sessions} sessions, {replaced} changed",
        bill.amount, bill.fleet_id
    );
    audit::note(catalogue, "rates.spread", &farm_id.to_string(), &detail)
}

fn fleet(catalogue: &Catalogue, farm_id: FarmId, reference: &FleetReference) -> Result<FleetId, Failure> {
    let name = match reference {
        FleetReference::Id(id) => return Ok(*id),
        FleetReference::Name(name) => name,
    };
    let fleets = catalogue.fleets(farm_id, None, usize::MAX)?;
    let called_so: Vec<FleetId> =
        fleets.iter().filter(|fleet| fleet.display_name == *name).map(|fleet| fleet.id).collect();
    match called_so[..] {
        [id] => Ok(id),
        [] => {
            let names: Vec<String> = fleets.iter().map(|fleet| format!("`{}`", fleet.display_name)).collect();
            Err(Failure::failed(format!("there is no fleet `{name}`"))
                .hint(format!("the fleets of this farm are {}", names.join(", "))))
        }
        _ => Err(Failure::failed(format!("{} fleets are called `{name}`", called_so.len()))
            .hint("name one by its id")),
    }
}

/// What a queue, a user or a session pays.
#[derive(Default)]
struct Part {
    sessions: u64,
    runtime_ms: u128,
    before_nanos: u128,
    share_nanos: u128,
}

impl Part {
    fn add(&mut self, share: &Share) {
        self.sessions += 1;
        self.runtime_ms += u128::from(share.runtime_ms);
        self.before_nanos += u128::from(share.before.nanos());
        self.share_nanos += u128::from(share.share.nanos());
    }

    /// Sessions, seconds, cost now, share.
    fn cells(&self) -> [String; 4] {
        let seconds = decimal(self.runtime_ms, 1000);
        [self.sessions.to_string(), seconds, usd(self.before_nanos), usd(self.share_nanos)]
    }
}

fn report(
    arguments: &SpreadArguments,
    catalogue: &Catalogue,
    farm_id: FarmId,
    spread: &Spread,
) -> Result<(), Failure> {
    let queues = catalogue.queues(farm_id, None, usize::MAX)?;
    let queues: BTreeMap<_, _> = queues.into_iter().map(|queue| (queue.id, queue.display_name)).collect();
    let (mut parts, mut total) = (BTreeMap::<(String, String), Part>::new(), Part::default());
    for share in &spread.shares {
        let key = match arguments.by {
            SpreadBy::User => (share.user_id.to_string(), share.user_id.to_string()),
            SpreadBy::Session => (share.session_id.to_string(), share.session_id.to_string()),
            SpreadBy::Queue => {
                let id = share.queue_id.to_string();
                (queues.get(&share.queue_id).map_or_else(|| id.clone(), ToString::to_string), id)
            }
        };
        parts.entry(key).or_default().add(share);
        total.add(share);
    }
    let what = match arguments.by {
        SpreadBy::Queue => "queue",
        SpreadBy::User => "user",
        SpreadBy::Session => "session",
    };
    match arguments.format {
        ReportFormat::Table => print_table(what, &parts, &total),
        ReportFormat::Csv => print_csv(what, &parts),
        ReportFormat::Json => print_json(what, &parts, &total),
    }
}

type Parts = BTreeMap<(String, String), Part>;

fn print_table(what: &str, parts: &Parts, total: &Part) -> Result<(), Failure> {
    let row = |name: &str, part: &Part| {
        let difference = usd_difference(part.before_nanos, part.share_nanos);
        [vec![name.to_owned()], part.cells().to_vec(), vec![difference]].concat()
    };
    let mut rows: Vec<_> = parts.iter().map(|((name, _), part)| row(name, part)).collect();
    rows.push(row("total", total));
    print(table(&[what, "sessions", "seconds", "cost now", "share", "difference"], &rows))
}

fn print_csv(what: &str, parts: &Parts) -> Result<(), Failure> {
    print(csv_line([what, "id", "sessions", "runtimeInSeconds", "costInUsd", "shareInUsd"]))?;
    for ((name, id), part) in parts {
        let [sessions, seconds, before, share] = part.cells();
        print(csv_line([name, id, &sessions, &seconds, &before, &share].map(String::as_str)))?;
    }
    Ok(())
}

/// Amounts as text, which keeps all nine decimals whoever reads it.
fn print_json(what: &str, parts: &Parts, total: &Part) -> Result<(), Failure> {
    let members = |part: &Part| {
        let [_, seconds, before, share] = part.cells();
        json!({
            "sessions": part.sessions,
            "runtimeInSeconds": seconds,
            "costInUsd": before,
            "shareInUsd": share,
        })
    };
    let rows: Vec<_> = parts
        .iter()
        .map(|((name, id), part)| {
            let mut row = members(part);
            row[what] = name.as_str().into();
            row["id"] = id.as_str().into();
            row
        })
        .collect();
    print(json!({ "rows": rows, "total": members(total) }))
}
