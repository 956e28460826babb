use super::*;
use crate::foreign_id::{fleet_id_for_name, job_id_for_name, queue_id_for_name};
use farmtally_model::{
    HourlyRate, JobName, LineCost, NanoUsd, Record, RecordNames, Session, SessionError, SessionId, Span,
    Submission, Usage, UsageLine, UsageLines, UserId, Volume, VolumeId,
};
use proptest::prelude::*;

mod explaining;
mod machines;

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A session from 10:00 on 2025-11-24 with one line.
fn session(ended_at: Option<&str>, usage: Usage, cost: Option<&str>) -> Submission {
    let queue_id = queue_id_for_name("comp");
    let cost = cost.map(|cost| NanoUsd::parse(cost).unwrap());
    let session = Session {
        session_id: SessionId::from_bytes([1; 16]),
        queue_id,
        fleet_id: fleet_id_for_name("spot"),
        job_id: job_id_for_name(queue_id, "sh010"),
        job_name: JobName::new("sh010").unwrap(),
        user_id: UserId::new("alice").unwrap(),
        worker_id: None,
        instance_type: Some(InstanceType::new("c6i").unwrap()),
        outcome: None,
        span: Span::new(instant("2025-11-24T10:00:00Z"), ended_at.map(instant)).unwrap(),
        revision: 0,
        usage: UsageLines::new(vec![UsageLine { usage, cost }]).unwrap(),
    };
    let names = RecordNames { fleet: Some(DisplayName::new("spot").unwrap()), ..RecordNames::default() };
    Submission { record: Record::Session(session), names }
}

fn license(product: &str, quantity: u32) -> Usage {
    Usage::License { product: LicenseProduct::new(product).unwrap(), quantity }
}

/// An hour and a half of COMPUTE.
fn ended() -> Submission {
    session(Some("2025-11-24T11:30:00Z"), Usage::Compute, None)
}

fn nobody(_: FleetId) -> Option<DisplayName> {
    None
}

/// The cost of the only line and the number of unpriced lines.
fn price(card: &str, submission: Submission) -> (LineCost, usize) {
    let priced = RateCard::parse(card).unwrap().price(submission, &nobody).unwrap();
    let cost = match priced.record {
        Record::Session(session) => session.usage.as_slice()[0].cost,
        Record::Volume(volume) => volume.cost,
    };
    (cost, priced.unpriced.len())
}

fn total(text: &str) -> LineCost {
    LineCost::Total(NanoUsd::parse(text).unwrap())
}

fn check_refused(card: &str, sentence: &str) {
    assert_eq!(RateCard::parse(card).unwrap_err().to_string(), sentence, "{card}");
}

#[test]
fn a_given_cost_stays() {
    let card = "[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 100";
    assert_eq!(
        price(card, session(Some("2025-11-24T11:30:00Z"), Usage::Compute, Some("0.7"))),
        (total("0.7"), 0)
    );
    assert_eq!(price(card, session(None, Usage::Compute, Some("0.7"))), (total("0.7"), 0));
}

#[test]
fn a_missing_cost_is_rate_times_time() {
    assert_eq!(price("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = '0.9'", ended()), (total("1.35"), 0));
}

#[test]
fn licences_are_priced_by_their_quantity() {
    let card = "[[rate]]\nusage = 'LICENSE'\nlicenseProduct = 'nuke'\nusdPerHour = '0.1'";
    let line = |product| session(Some("2025-11-24T11:30:00Z"), license(product, 3), None);
    assert_eq!(price(card, line("nuke")), (total("0.45"), 0));
    assert_eq!(price(card, line("arnold")), (total("0"), 1));
}

#[test]
fn without_a_rate_the_line_is_free_and_counted() {
    assert_eq!(price("", ended()), (total("0"), 1));
    assert_eq!(price("", session(None, Usage::Compute, None)), (total("0"), 1));
    let license_only = "[[rate]]\nusage = 'LICENSE'\nusdPerHour = 1";
    assert_eq!(price(license_only, ended()), (total("0"), 1));
}

#[test]
fn what_has_no_price_is_named_as_on_the_card_once_there_is_one() {
    let session = |instance_type: Option<&str>| {
        let mut submission = ended();
        if let Record::Session(session) = &mut submission.record {
            session.instance_type = instance_type.map(|name| InstanceType::new(name).unwrap());
            let usage = [Usage::Compute, license("nuke", 3)];
            session.usage =
                UsageLines::new(usage.map(|usage| UsageLine { usage, cost: None }).to_vec()).unwrap();
        }
        submission
    };
    let volume = || Submission {
        record: Record::Volume(Volume {
            volume_id: VolumeId::from_bytes([2; 16]),
            fleet_id: fleet_id_for_name("spot"),
            span: Span::new(instant("2025-11-01T00:00:00Z"), None).unwrap(),
            revision: 0,
            cost: None,
        }),
        names: RecordNames::default(),
    };
    let unpriced = |card: &str, submission| {
        RateCard::parse(card).unwrap().price(submission, &nobody).unwrap().unpriced.join(", ")
    };
    let others = "[[rate]]\nusage = 'LICENSE'\nlicenseProduct = 'arnold'\nusdPerHour = 1";
    assert_eq!(unpriced(others, session(Some("c6i"))), "COMPUTE on c6i, LICENSE nuke");
    assert_eq!(unpriced(others, session(None)), "COMPUTE, LICENSE nuke");
    assert_eq!(unpriced(others, volume()), "PERSISTENT_VOLUME");
    assert_eq!(unpriced("", session(Some("c6i"))), "COMPUTE, LICENSE");
}

#[test]
fn a_running_session_keeps_the_rate_for_one_that_was_valid_at_its_start() {
    let card = "
        [[rate]]
        usage = 'LICENSE'
        usdPerHour = '0.1'
        validUntil = 2025-11-24
        [[rate]]
        usage = 'LICENSE'
        usdPerHour = '0.2'
        validFrom = 2025-11-24
        validUntil = 2025-11-24T12:00:00Z
        [[rate]]
        usage = 'LICENSE'
        usdPerHour = '0.3'
        validFrom = 2025-11-24T12:00:00Z
    ";
    let expected = LineCost::PerHour(HourlyRate::parse("0.2").unwrap());
    assert_eq!(price(card, session(None, license("nuke", 3), None)), (expected, 0));
}

#[test]
fn the_most_specific_rate_wins_whatever_the_order_of_the_card() {
    let fleet_id = fleet_id_for_name("spot");
    let selectors = [
        String::new(),
        "fleet = 'spot'".to_owned(),
        format!("fleet = '{fleet_id}'"),
        "instanceType = 'c6i'".to_owned(),
        "instanceType = 'c6i'\nfleet = 'spot'".to_owned(),
    ];
    for most in 0..selectors.len() {
        let mut rates: Vec<String> = (0..=most)
            .map(|index| {
                format!("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = {}\n{}\n", index + 1, selectors[index])
            })
            .collect();
        let expected = total(&format!("{}", 15 * (most + 1)));
        let ten_times_longer = || session(Some("2025-11-25T01:00:00Z"), Usage::Compute, None);
        assert_eq!(price(&rates.concat(), ten_times_longer()), (expected, 0));
        rates.reverse();
        assert_eq!(price(&rates.concat(), ten_times_longer()), (expected, 0));
    }
}

#[test]
fn a_rate_for_the_product_wins_over_one_for_the_fleet() {
    let card = "
        [[rate]]
        usage = 'LICENSE'
        fleet = 'spot'
        instanceType = 'c6i'
        usdPerHour = 1
        [[rate]]
        usage = 'LICENSE'
        licenseProduct = 'nuke'
        usdPerHour = 2
    ";
    let line = session(Some("2025-11-24T11:00:00Z"), license("nuke", 1), None);
    assert_eq!(price(card, line), (total("2"), 0));
}

#[test]
fn rates_for_others_do_not_match() {
    for selector in
        ["fleet = 'on site'", "instanceType = 'g5'", "fleet = 'fleet-00000000000000000000000000000000'"]
    {
        let card = format!("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 1\n{selector}");
        assert_eq!(price(&card, ended()), (total("0"), 1), "{selector}");
    }
}

#[test]
fn a_fleet_that_the_submission_does_not_name_is_looked_up() {
    let card = RateCard::parse("[[rate]]\nusage = 'COMPUTE'\nfleet = 'attic'\nusdPerHour = 2").unwrap();
    let mut submission = ended();
    submission.names.fleet = None;
    let attic = |id| (id == fleet_id_for_name("spot")).then(|| DisplayName::new("attic").unwrap());
    assert_eq!(card.price(submission.clone(), &attic).unwrap().unpriced.len(), 0);
    assert_eq!(card.price(submission, &nobody).unwrap().unpriced.len(), 1);
    // The submission's own name comes first.
    assert_eq!(card.price(ended(), &attic).unwrap().unpriced.len(), 1);
}

#[test]
fn the_later_of_two_valid_rates_wins() {
    let card = "
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = 1
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = 2
        validFrom = 2025-01-01
    ";
    assert_eq!(price(card, ended()), (total("3"), 0));
}

#[test]
fn a_session_across_a_change_of_rates_pays_each_for_its_time() {
    let card = "
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = 1
        validUntil = '2025-11-24T10:15:00Z'
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = 2
        validFrom = '2025-11-24T12:15:00+02:00'
        validUntil = 2025-11-24T11:00:00
    ";
    // A quarter of an hour at 1, three quarters at 2, and half an hour that nothing covers.
    assert_eq!(price(card, ended()), (total("1.75"), 1));
}

#[test]
fn parts_are_added_before_they_are_cut_to_nano_dollars() {
    // A third of a nano-dollar and two thirds of one are one.
    let card = "
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = '0.0012'
        validUntil = '2025-11-24T10:00:00.001Z'
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = '0.0024'
        validFrom = '2025-11-24T10:00:00.001Z'
    ";
    let line = || session(Some("2025-11-24T10:00:00.002Z"), Usage::Compute, None);
    assert_eq!(price(card, line()), (total("0.000000001"), 0));
}

#[test]
fn a_zero_length_session_is_free_and_priced_if_a_rate_was_valid() {
    let zero = || session(Some("2025-11-24T10:00:00Z"), Usage::Compute, None);
    assert_eq!(price("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 1", zero()), (total("0"), 0));
    let card = "[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 1\nvalidFrom = 2026-01-01";
    assert_eq!(price(card, zero()), (total("0"), 1));
}

#[test]
fn a_volume_is_priced_by_its_fleet() {
    let volume = |ended_at: Option<&str>| Submission {
        record: Record::Volume(Volume {
            volume_id: VolumeId::from_bytes([2; 16]),
            fleet_id: fleet_id_for_name("spot"),
            span: Span::new(instant("2025-11-01T00:00:00Z"), ended_at.map(instant)).unwrap(),
            revision: 0,
            cost: None,
        }),
        names: RecordNames::default(),
    };
    let card = format!(
        "[[rate]]\nusage = 'PERSISTENT_VOLUME'\nfleet = '{}'\nusdPerHour = '0.01'",
        fleet_id_for_name("spot")
    );
    assert_eq!(price(&card, volume(Some("2025-11-02T00:00:00Z"))), (total("0.24"), 0));
    assert_eq!(price(&card, volume(None)), (LineCost::PerHour(HourlyRate::parse("0.01").unwrap()), 0));
}

#[test]
fn costs_beyond_what_can_be_kept_are_refused() {
    let card = RateCard::parse("[[rate]]\nusage = 'LICENSE'\nusdPerHour = 1000000").unwrap();
    for (ended_at, quantity) in [("2025-11-24T11:00:00Z", 1001), ("2999-12-31T00:00:00Z", u32::MAX)] {
        let line = session(Some(ended_at), license("nuke", quantity), None);
        assert_eq!(card.price(line, &nobody), Err(SessionError::TotalTooLarge));
    }
    let most = session(Some("2025-11-24T11:00:00Z"), license("nuke", 1000), None);
    assert!(card.price(most, &nobody).is_ok());
}

#[test]
fn names_pass_through() {
    let submission = ended();
    let names = submission.names.clone();
    assert_eq!(RateCard::default().price(submission, &nobody).unwrap().names, names);
}

#[test]
fn a_bad_rate_is_refused_with_number_field_and_reason() {
    for (rate, sentence) in [
        ("usdPerHour = 1", "rate 2, usage: usage is missing"),
        (
            "usage = 'CPU'\nusdPerHour = 1",
            "rate 2, usage: \"CPU\" is not one of COMPUTE, LICENSE, PERSISTENT_VOLUME",
        ),
        (
            "usage = 'COMPUTE'",
            "rate 2, price: a price is missing; give one or more of usdPerHour, usdPerCoreHour, usdPerGhzHour, usdPerGpuHour, usdPerNodeHour, usdPerGbHour, usdPerGbMonth",
        ),
        (
            "usage = 'COMPUTE'\nusdPerHour = 0.9",
            "rate 2, usdPerHour: a number with decimals must be in quotes, to be kept exactly",
        ),
        ("usage = 'COMPUTE'\nusdPerHour = -1", "rate 2, usdPerHour: -1 is negative; the least is 0"),
        ("usage = 'COMPUTE'\nusdPerHour = '1000001'", "rate 2, usdPerHour: 1000001 is more than 1000000"),
        (
            "usage = 'COMPUTE'\nusdPerHour = true",
            "rate 2, usdPerHour: usdPerHour is not a decimal number in quotes",
        ),
        (
            "usage = 'COMPUTE'\nusdPerHour = 1\ninstance_type = 'c6i'",
            "rate 2, instance_type: unknown field \"instance_type\"; did you mean instanceType?",
        ),
        (
            "usage = 'COMPUTE'\nusdPerHour = 1\nlicenseProduct = 'nuke'",
            "rate 2, licenseProduct: licenseProduct does not belong to a COMPUTE rate",
        ),
        (
            "usage = 'PERSISTENT_VOLUME'\nusdPerHour = 1\ninstanceType = 'c6i'",
            "rate 2, instanceType: instanceType does not belong to a PERSISTENT_VOLUME rate",
        ),
        ("usage = 'COMPUTE'\nusdPerHour = 1\nfleet = 7", "rate 2, fleet: fleet is not a text in quotes"),
        (
            "usage = 'COMPUTE'\nusdPerHour = 1\nvalidFrom = 2025",
            "rate 2, validFrom: validFrom is not a date or time",
        ),
        (
            "usage = 'COMPUTE'\nusdPerHour = 1\nvalidFrom = 12:00:00",
            "rate 2, validFrom: validFrom is not a date or time",
        ),
        (
            "usage = 'COMPUTE'\nusdPerHour = 1\nvalidFrom = 2025-01-01\nvalidUntil = 2025-01-01",
            "rate 2, validUntil: validUntil is not after validFrom 2025-01-01T00:00:00Z",
        ),
    ] {
        check_refused(&format!("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 1\n[[rate]]\n{rate}\n"), sentence);
    }
}

#[test]
fn what_is_no_list_of_rates_is_refused() {
    check_refused(
        "rates = 1",
        "unknown key \"rates\"; did you mean rate?; a rate card is a list of [[rate]] tables",
    );
    check_refused("rate = 1", "rate is not a list; a rate card is a list of [[rate]] tables");
    check_refused("rate = [1]", "rate 1 is not a table; a rate card is a list of [[rate]] tables");
    let error = RateCard::parse("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = = 1").unwrap_err();
    assert!(matches!(error, RateCardError::Toml { line: 3, .. }), "{error}");
}

#[test]
fn rates_of_equal_claim_are_refused() {
    let rate = |more: &str| format!("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 1\n{more}\n");
    check_refused(
        &[rate(""), rate("instanceType = 'c6i'"), rate("validUntil = 2025-01-01")].concat(),
        "rates 1 and 3 are for the same use and both valid from 1970-01-01T00:00:00Z; change validFrom of one or remove it",
    );
    let apart = [rate(""), rate("validFrom = 2025-01-01"), rate("fleet = 'spot'")].concat();
    assert_eq!(RateCard::parse(&apart).unwrap().len(), 3);
}

#[test]
fn too_many_rates_are_refused() {
    let rates: Vec<String> = (0..=crate::RATES_MAX)
        .map(|number| format!("[[rate]]\nusage='COMPUTE'\nusdPerHour=1\ninstanceType='c{number}'\n"))
        .collect();
    check_refused(&rates.concat(), "the rate card has 10001 rates; at most 10000 are allowed");
    assert_eq!(RateCard::parse(&rates[1..].concat()).unwrap().len(), crate::RATES_MAX);
}

#[test]
fn an_empty_card_has_no_rates() {
    assert!(RateCard::parse("").unwrap().is_empty());
    let error = RateCard::parse_new("# nothing\n").unwrap_err().to_string();
    assert!(error.starts_with("the rate card has no rate; a rate is a [[rate]] table"), "{error}");
    assert_eq!(RateCard::default().len(), 0);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _parsed = RateCard::parse(&text);
    }

    #[test]
    fn no_value_makes_the_parser_panic(field in 0..7_usize, value in "\\PC{0,30}") {
        let fields = ["usage", "fleet", "instanceType", "licenseProduct", "usdPerHour", "validFrom", "validUntil"];
        let _bare = RateCard::parse(&format!("[[rate]]\n{} = {value}", fields[field]));
        let _quoted = RateCard::parse(&format!("[[rate]]\n{} = {value:?}", fields[field]));
    }

    /// An edge between two rates of the same price changes nothing.
    #[test]
    fn an_unneeded_edge_never_changes_a_cost(
        nanos in 0..1_000_000_000_u64,
        duration_ms in 1..100_000_000_i64,
        edge_ms in 0..100_000_000_i64,
        quantity in 1..50_u32,
    ) {
        let start = instant("2025-11-24T10:00:00Z");
        let at = |offset| Timestamp::from_millis(start.millis() + offset).unwrap();
        let rate = HourlyRate::from_nanos(nanos).unwrap();
        let card = format!(
            "[[rate]]\nusage = 'LICENSE'\nusdPerHour = '{rate}'\n[[rate]]\nusage = 'LICENSE'\nusdPerHour = '{rate}'\nvalidFrom = '{}'",
            at(edge_ms)
        );
        let expected = rate.cost_of(duration_ms.unsigned_abs(), quantity).unwrap();
        let line = session(Some(&at(duration_ms).to_string()), license("nuke", quantity), None);
        prop_assert_eq!(price(&card, line), (LineCost::Total(expected), 0));
    }
}
