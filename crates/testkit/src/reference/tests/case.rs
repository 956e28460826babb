//! A farm, a question and its answer as text: the one door through which the rules are tested.
//!
//! ```text
//! session 2025-11-24T22:40Z .. 2025-11-24T23:20Z | queue=lighting user=ana | COMPUTE 1.00 | LICENSE arnold x2 0.61
//! session 2025-11-24T22:40Z .. running | machine=c6i.large | COMPUTE 0.90/h
//! volume 2025-11-24T00:00Z .. running | fleet=onprem | 0.24
//! now 2025-11-24T23:00Z
//! ask queues lighting | 2025-11-24T22:00Z .. 2025-11-25T00:00Z | HOURLY | UTC+05:30 | by USER_ID | SUM AVG | scale 1.5
//! answer
//! 2025-11-24T23:00Z .. 2025-11-25T00:00Z | ana | count 1 | cost 0.5 | runtime 1200
//! ```
//!
//! What is left out has a default: queue `lighting`, fleet `onprem`, job `job1/shot`, user `ana`, no machine, one
//! COMPUTE line that costs nothing; a question without period, at UTC, for the SUM, with a scale factor of one.

use farmtally_model::{
    AggregationQuery, CostScaleFactor, FleetId, GroupBy, GroupValue, HourlyRate, InstanceType, JobId,
    JobName, LicenseProduct, LineCost, NanoUsd, Period, QueueId, Record, Resources, Session, SessionId, Span,
    Statistic, StatisticSet, StatisticsRow, StatisticsTable, TimeRange, Timestamp, Usage, UsageGroupBy,
    UsageLine, UsageLines, UserId, UtcOffset, Volume, VolumeId,
};

use crate::reference::aggregate;

/// Asks the question of a case and compares the answer, line by line, with the one written under it.
#[track_caller]
pub(super) fn check(case: &str) {
    let case = case.trim();
    let (asked, expected) = case.split_once("answer").expect("a case has an answer");
    let case = Case::read(asked);
    let answer = case.print(&aggregate(&case.records, &case.query.0, case.now));
    let expected: Vec<String> = expected.lines().map(squeezed).filter(|line| !line.is_empty()).collect();
    assert_eq!(answer, expected, "for\n{asked}");
}

struct Case {
    records: Vec<Record<LineCost>>,
    query: (AggregationQuery, CostScaleFactor),
    now: Timestamp,
}

impl Case {
    fn read(text: &str) -> Self {
        let (mut records, mut query, mut now) = (Vec::new(), None, Timestamp::MAX);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (kind, rest) = line.split_once(' ').expect("a word and its values");
            let number = u128::try_from(records.len()).expect("a short case").to_be_bytes();
            match kind {
                "session" => records.push(Record::Session(read_session(SessionId::from_bytes(number), rest))),
                "volume" => records.push(Record::Volume(read_volume(VolumeId::from_bytes(number), rest))),
                "now" => now = Timestamp::parse(rest).unwrap(),
                "ask" => query = Some(read_query(rest)),
                _ => panic!("a case has no {kind:?}"),
            }
        }
        Self { records, query: query.expect("a case asks something"), now }
    }

    fn print(&self, table: &StatisticsTable) -> Vec<String> {
        table.rows.iter().map(|row| self.print_row(table, &row)).collect()
    }

    fn print_row(&self, table: &StatisticsTable, row: &StatisticsRow) -> String {
        let mut cells = vec![format!("{} .. {}", row.bucket.start(), row.bucket.end()).replace(":00Z", "Z")];
        cells.extend(table.values_of(row).map(|value| print_value(&value)));
        cells.push(format!("count {}", row.count));
        let (query, scale) = &self.query;
        cells.push(print_statistics("cost", query.statistics(), |statistic| row.cost_usd(statistic, *scale)));
        cells.push(print_statistics("runtime", query.statistics(), |statistic| {
            row.runtime_seconds(statistic)
        }));
        cells.join(" | ")
    }
}

/// Only the sum goes without its name.
fn print_statistics(of: &str, statistics: StatisticSet, amount: impl Fn(Statistic) -> f64) -> String {
    let mut text = of.to_owned();
    for statistic in statistics.iter() {
        let name = if statistics.iter().count() == 1 && statistic == Statistic::Sum {
            ""
        } else {
            statistic.as_str()
        };
        text = squeezed(&format!("{text} {name} {}", amount(statistic)));
    }
    text
}

fn print_value(value: &GroupValue) -> String {
    match value {
        GroupValue::Queue(id) => name_of(id.bytes()),
        GroupValue::Fleet(id) => name_of(id.bytes()),
        GroupValue::Job(id, name) => format!("{}/{name}", name_of(id.bytes())),
        GroupValue::User(id) => id.to_string(),
        GroupValue::UsageType(text) => (*text).to_owned(),
        GroupValue::InstanceType(Some(name)) => name.to_string(),
        GroupValue::LicenseProduct(product) => product.to_string(),
        GroupValue::InstanceType(None) | GroupValue::Absent => "-".to_owned(),
    }
}

fn read_session(session_id: SessionId, text: &str) -> Session<LineCost> {
    let mut cells = text.split('|').map(str::trim);
    let mut session = Session {
        session_id,
        queue_id: QueueId::from_bytes(id_bytes("lighting")),
        fleet_id: FleetId::from_bytes(id_bytes("onprem")),
        job_id: JobId::from_bytes(id_bytes("job1")),
        job_name: JobName::new("shot").unwrap(),
        user_id: UserId::new("ana").unwrap(),
        worker_id: None,
        instance_type: None,
        outcome: None,
        span: read_span(cells.next().unwrap()),
        revision: 0,
        usage: UsageLines::new(vec![read_line("COMPUTE 0")]).unwrap(),
    };
    let (members, lines): (Vec<_>, Vec<_>) = cells.partition(|cell| cell.contains('='));
    members
        .iter()
        .flat_map(|cell| cell.split_whitespace())
        .for_each(|member| set_member(&mut session, member));
    if !lines.is_empty() {
        session.usage = UsageLines::new(lines.into_iter().map(read_line).collect()).unwrap();
    }
    session
}

fn set_member(session: &mut Session<LineCost>, member: &str) {
    match member.split_once('=').unwrap() {
        ("queue", name) => session.queue_id = QueueId::from_bytes(id_bytes(name)),
        ("fleet", name) => session.fleet_id = FleetId::from_bytes(id_bytes(name)),
        ("job", job) => {
            let (id, name) = job.split_once('/').expect("a job and its name");
            session.job_id = JobId::from_bytes(id_bytes(id));
            session.job_name = JobName::new(name).unwrap();
        }
        ("user", name) => session.user_id = UserId::new(name).unwrap(),
        ("machine", name) => session.instance_type = Some(InstanceType::new(name).unwrap()),
        _ => panic!("a session has no {member:?}"),
    }
}

fn read_volume(volume_id: VolumeId, text: &str) -> Volume<LineCost> {
    let [span, fleet, cost] = text.split('|').map(str::trim).collect::<Vec<_>>().try_into().unwrap();
    let fleet = fleet.strip_prefix("fleet=").expect("a volume's fleet");
    let fleet_id = FleetId::from_bytes(id_bytes(fleet));
    Volume { volume_id, fleet_id, span: read_span(span), revision: 0, cost: read_cost(cost) }
}

/// `COMPUTE 1.00`, `LICENSE arnold 0.61` or `LICENSE arnold x2 0.61`.
fn read_line(text: &str) -> UsageLine<LineCost> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let license =
        |product: &str, quantity| Usage::License { product: LicenseProduct::new(product).unwrap(), quantity };
    let (usage, cost) = match *words {
        ["COMPUTE", cost] => (Usage::Compute, cost),
        ["LICENSE", product, cost] => (license(product, 1), cost),
        ["LICENSE", product, quantity, cost] => (license(product, quantity[1..].parse().unwrap()), cost),
        _ => panic!("{text:?} is not a usage line"),
    };
    UsageLine { usage, cost: read_cost(cost) }
}

fn read_cost(text: &str) -> LineCost {
    match text.strip_suffix("/h") {
        Some(rate) => LineCost::PerHour(HourlyRate::parse(rate).unwrap()),
        None => LineCost::Total(NanoUsd::parse(text).unwrap()),
    }
}

fn read_span(text: &str) -> Span {
    let (start, end) = text.split_once(" .. ").expect("a start and an end");
    let end = (end != "running").then(|| Timestamp::parse(end).unwrap());
    Span::new(Timestamp::parse(start).unwrap(), end).unwrap()
}

fn read_query(text: &str) -> (AggregationQuery, CostScaleFactor) {
    let mut cells = text.split('|').map(str::trim);
    let resources = read_resources(cells.next().unwrap());
    let (start, end) = cells.next().and_then(|cell| cell.split_once(" .. ")).expect("a window");
    let window = TimeRange::new(Timestamp::parse(start).unwrap(), Timestamp::parse(end).unwrap()).unwrap();
    let (mut period, mut offset, mut scale) = (None, UtcOffset::UTC, CostScaleFactor::ONE);
    let (mut group_by, mut statistics) = (None, StatisticSet::new([Statistic::Sum]).unwrap());
    for cell in cells {
        match cell.split_once(' ').unwrap_or((cell, "")) {
            ("HOURLY", _) => period = Some(Period::Hourly),
            ("DAILY", _) => period = Some(Period::Daily),
            ("WEEKLY", _) => period = Some(Period::Weekly),
            ("MONTHLY", _) => period = Some(Period::Monthly),
            ("by", fields) => group_by = Some(read_group_by(fields)),
            ("scale", factor) => scale = CostScaleFactor::parse(factor).unwrap(),
            (zone, _) if zone.starts_with("UTC") => offset = UtcOffset::parse(zone).unwrap(),
            _ => statistics = read_statistics(cell),
        }
    }
    let group_by = group_by.expect("a groupBy");
    (AggregationQuery::new(resources, window, offset, period, group_by, statistics).unwrap(), scale)
}

fn read_resources(text: &str) -> Resources {
    let (kind, names) = text.split_once(' ').expect("queues or fleets and their names");
    let ids = names.split_whitespace().map(id_bytes);
    match kind {
        "queues" => Resources::queues(ids.map(QueueId::from_bytes)).unwrap(),
        "fleets" => Resources::fleets(ids.map(FleetId::from_bytes)).unwrap(),
        _ => panic!("a question is about queues or fleets, not {kind:?}"),
    }
}

fn read_group_by(text: &str) -> GroupBy {
    let field =
        |name: &str| UsageGroupBy::ALL.into_iter().find(|field| field.as_str() == name).expect("a field");
    GroupBy::new(&text.split_whitespace().map(field).collect::<Vec<_>>()).unwrap()
}

fn read_statistics(text: &str) -> StatisticSet {
    let named =
        |name: &str| Statistic::ALL.into_iter().find(|known| known.as_str() == name).expect("a statistic");
    StatisticSet::new(text.split_whitespace().map(named)).unwrap()
}

/// A short name as the bytes of an id, so that ids sort like their names.
fn id_bytes(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

fn name_of(bytes: [u8; 16]) -> String {
    String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
