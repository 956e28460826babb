//! Prices by what a machine has.

use super::*;

/// What a kind of machine is made of, and one rate for it by several units.
const MACHINES: &str = "
    [[instanceType]]
    name = 'c6i'
    cores = 32
    ghz = '3.5'
    gpus = 4
    nodes = 2
    memoryGb = '64.5'
";

fn card_with(rate: &str) -> String {
    format!("{MACHINES}\n[[rate]]\nusage = 'COMPUTE'\ninstanceType = 'c6i'\n{rate}")
}

#[test]
fn an_hour_is_priced_by_what_the_machine_has() {
    for (rate, cost) in [
        ("usdPerCoreHour = '0.04'", "1.92"),
        ("usdPerGhzHour = '0.016'", "2.688"),
        ("usdPerGpuHour = '1.1'", "6.6"),
        ("usdPerNodeHour = '0.5'", "1.5"),
        ("usdPerGbHour = '0.005'", "0.48375"),
        // 64.5 x 0.73 / 730 an hour.
        ("usdPerGbMonth = '0.73'", "0.09675"),
        ("usdPerHour = '0.1'\nusdPerCoreHour = '0.04'\nusdPerGpuHour = 1", "8.07"),
        ("usdPerHour = '0.1'\nusdPerCoreHour = '0.04'\nusdPerGpuHour = 1\nfactor = '0.85'", "6.8595"),
        ("usdPerHour = 1\nfactor = 0", "0"),
        ("usdPerHour = 1\nfactor = 100", "150"),
    ] {
        assert_eq!(price(&card_with(rate), ended()), (total(cost), 0), "{rate}");
    }
}

#[test]
fn a_node_is_one_where_the_card_says_nothing() {
    assert_eq!(price("[[rate]]\nusage = 'COMPUTE'\nusdPerNodeHour = 2", ended()), (total("3"), 0));
}

#[test]
fn a_machine_without_gpus_has_none_where_other_things_are_paid_for_too() {
    let card = |machine: &str, rate: &str| {
        format!("[[instanceType]]\nname = 'c6i'\n{machine}\n[[rate]]\nusage = 'COMPUTE'\n{rate}")
    };
    let both = "usdPerCoreHour = '0.04'\nusdPerGpuHour = 1";
    assert_eq!(price(&card("cores = 32", both), ended()), (total("1.92"), 0));
    assert_eq!(price(&card("cores = 32\ngpus = 4", both), ended()), (total("7.92"), 0));
    // Nobody would notice that everything is free.
    assert_eq!(price(&card("cores = 32", "usdPerGpuHour = 1"), ended()), (total("0"), 1));
    assert_eq!(price(&card("cores = 32\ngpus = 0", "usdPerGpuHour = 1"), ended()), (total("0"), 0));
    // A machine that the card does not describe may have any.
    assert_eq!(
        price("[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 1\nusdPerGpuHour = 1", ended()),
        (total("0"), 1)
    );
    let own = format!("{both}\ninstanceType = 'c6i'");
    check_refused(
        &card("cores = 32", &own),
        "rate 1, usdPerGpuHour: the card does not say how many GPUs a `c6i` has; add it to an [[instanceType]]",
    );
}

#[test]
fn a_rate_whose_quantity_nobody_knows_is_no_price_and_no_other_rate_takes_its_place() {
    let card = "
        [[rate]]
        usage = 'COMPUTE'
        usdPerHour = 1
        [[rate]]
        usage = 'COMPUTE'
        fleet = 'spot'
        usdPerCoreHour = 1
    ";
    assert_eq!(price(card, ended()), (total("0"), 1));
    assert_eq!(price(card, session(None, Usage::Compute, None)), (total("0"), 1));
}

#[test]
fn a_running_session_gets_its_hour_cut_to_nano_dollars() {
    let card = card_with("usdPerGbMonth = '0.000000001'\nusdPerCoreHour = '0.000000001'");
    let expected = LineCost::PerHour(HourlyRate::from_nanos(32).unwrap());
    assert_eq!(price(&card, session(None, Usage::Compute, None)), (expected, 0));
}

#[test]
fn a_volume_is_priced_by_the_size_that_its_rate_tells() {
    let volume = Submission {
        record: Record::Volume(Volume {
            volume_id: VolumeId::from_bytes([2; 16]),
            fleet_id: fleet_id_for_name("spot"),
            span: Span::new(instant("2025-11-01T00:00:00Z"), Some(instant("2025-12-01T10:00:00Z"))).unwrap(),
            revision: 0,
            cost: None,
        }),
        names: RecordNames::default(),
    };
    let card = "[[rate]]\nusage = 'PERSISTENT_VOLUME'\nusdPerGbMonth = '0.08'\nvolumeGb = '500'";
    assert_eq!(price(card, volume), (total("40"), 0), "730 hours are a month");
}

#[test]
fn a_machine_that_cannot_be_is_refused() {
    let compute = |rate: &str| format!("[[rate]]\nusage = 'COMPUTE'\n{rate}");
    for (card, sentence) in [
        ("[[instanceType]]\ncores = 1".to_owned(), "instanceType 1, name: name is missing"),
        (
            "[[instanceType]]\nname = 'a'\n[[instanceType]]\nname = 'a'".to_owned(),
            "instanceType 2, name: the card describes `a` twice; remove one",
        ),
        (
            "[[instanceType]]\nname = 'a'\ncores = 100001".to_owned(),
            "instanceType 1, cores: 100001 is not between 0 and 100000",
        ),
        (
            "[[instanceType]]\nname = 'a'\nghz = '3.5'".to_owned(),
            "instanceType 1, cores: cores is missing; ghz is the clock of each of them",
        ),
        (
            "[[instanceType]]\nname = 'a'\ncores = 1\nghz = '3.5001'".to_owned(),
            "instanceType 1, ghz: 3.5001 has more than 3 decimals; round it",
        ),
        (
            compute("usdPerCoreHour = 1\ninstanceType = 'a'"),
            "rate 1, usdPerCoreHour: the card does not say how many cores a `a` has; add it to an [[instanceType]]",
        ),
        (compute("usdPerHour = 1\nfactor = '100.1'"), "rate 1, factor: 100.1 is more than 100"),
        (
            compute("usdPerHour = 1\nfactor = '0.0000001'"),
            "rate 1, factor: 0.0000001 has more than 6 decimals; round it",
        ),
        (
            compute("usdPerHour = 1\nvolumeGb = 1"),
            "rate 1, volumeGb: volumeGb does not belong to a COMPUTE rate",
        ),
        (
            "[[rate]]\nusage = 'PERSISTENT_VOLUME'\nusdPerGbMonth = 1".to_owned(),
            "rate 1, volumeGb: volumeGb is missing; usdPerGbMonth needs the size of each volume",
        ),
        (
            card_with("usdPerGbHour = 1000000"),
            "rate 1, usdPerGbHour: an hour of it costs more than 1000000 USD",
        ),
    ] {
        check_refused(&card, sentence);
    }
}

#[test]
fn an_explanation_names_rates_quantities_and_the_one_division() {
    let card = card_with(
        "usdPerCoreHour = '0.04'\nusdPerHour = '0.1'\nfactor = '0.5'\nvalidFrom = 2025-11-24T10:30:00Z",
    );
    let card = RateCard::parse(&card).unwrap();
    let priced = card.price(ended(), &nobody).unwrap();
    let lines = card.explain(&priced.record, &priced.names, &nobody).unwrap();
    let [line] = &lines[..] else { panic!("one line") };
    assert_eq!(line.cost, total("0.69"));
    assert_eq!(line.numerator / LineExplanation::DENOMINATOR, 690_000_000);
    assert_eq!((line.parts[0].rate, line.parts[1].rate), (None, Some(1)));
    assert_eq!(line.parts[1].selector, "COMPUTE, instanceType c6i, validFrom 2025-11-24T10:30:00Z");
    let charges: Vec<_> =
        line.parts[1].charges.iter().map(|charge| (charge.field, charge.quantity_thousandths)).collect();
    assert_eq!(charges, [("usdPerHour", Some(1000)), ("usdPerCoreHour", Some(32_000))]);
}

proptest! {
    /// The sum over the parts, in lowest terms by itself for each unit, against the one division.
    #[test]
    fn a_price_is_the_exact_product_cut_once(
        prices in prop::collection::vec(0..2_000_000_000_u64, 7),
        cores in 0..256_u32, ghz in 0..5_000_u32, gpus in 0..16_u32, nodes in 0..8_u32, memory in 0..2_000_000_u64,
        factor in 0..3_000_000_u64,
        duration_ms in 1..400_000_000_i64,
    ) {
        let usd = |nanos: u64| HourlyRate::from_nanos(nanos).unwrap();
        let fields = ["usdPerHour", "usdPerCoreHour", "usdPerGhzHour", "usdPerGpuHour", "usdPerNodeHour", "usdPerGbHour", "usdPerGbMonth"];
        let rates: Vec<String> = fields.iter().zip(&prices).map(|(field, nanos)| format!("{field} = '{}'\n", usd(*nanos))).collect();
        let rates = rates.concat();
        let card = format!(
            "[[instanceType]]\nname = 'c6i'\ncores = {cores}\nghz = '{}.{:03}'\ngpus = {gpus}\nnodes = {nodes}\nmemoryGb = '{}.{:03}'\n[[rate]]\nusage = 'COMPUTE'\nfactor = '{}.{:06}'\n{rates}",
            ghz / 1000, ghz % 1000, memory / 1000, memory % 1000, factor / 1_000_000, factor % 1_000_000,
        );
        let at = |offset| Timestamp::from_millis(instant("2025-11-24T10:00:00Z").millis() + offset).unwrap();
        let line = session(Some(&at(duration_ms).to_string()), Usage::Compute, None);
        // Whole and fractional nano-dollars of each unit's own fraction, with a common denominator found by itself.
        let quantities = [
            (1_u128, 1_u128), (cores.into(), 1), (u128::from(cores) * u128::from(ghz), 1000), (gpus.into(), 1),
            (nodes.into(), 1), (memory.into(), 1000), (memory.into(), 1000 * 730),
        ];
        let common = 1000 * 730;
        let hour: u128 = quantities.iter().zip(&prices).map(|((count, of), nanos)| count * u128::from(*nanos) * (common / of)).sum();
        let exact = hour * u128::from(factor) * u128::from(duration_ms.unsigned_abs()) / (common * 1_000_000 * 3_600_000);
        let expected = NanoUsd::from_nanos(u64::try_from(exact).unwrap()).unwrap();
        prop_assert_eq!(price(&card, line), (LineCost::Total(expected), 0));
    }
}

#[test]
fn the_size_of_a_booking_is_priced_without_a_table() {
    let card = "[[rate]]\nusage = 'COMPUTE'\nusdPerCoreHour = '0.04'\nusdPerGpuHour = 1";
    let booked = |instance_type: &str| {
        let mut submission = ended();
        let Record::Session(session) = &mut submission.record else { panic!("it is a session") };
        session.instance_type = Some(InstanceType::new(instance_type).unwrap());
        submission
    };
    assert_eq!(price(card, booked("c4")), (total("0.24"), 0));
    assert_eq!(price(card, booked("c1.5g2")), (total("3.09"), 0));
    assert_eq!(price(card, booked("c6i.8xlarge")).1, 1, "any other name says nothing");
    let described = format!("[[instanceType]]\nname = 'c4'\ncores = 1\ngpus = 0\n{card}");
    assert_eq!(price(&described, booked("c4")), (total("0.06"), 0), "what the card says goes first");
    let for_one = "[[rate]]\nusage = 'COMPUTE'\ninstanceType = 'c0.5'\nusdPerCoreHour = '0.04'";
    assert_eq!(price(for_one, booked("c0.5")), (total("0.03"), 0));
}
