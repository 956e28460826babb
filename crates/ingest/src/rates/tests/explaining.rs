//! The rate of a stored price is found again, whatever became of the card and of the fleet's name since.

use super::*;

const NAMES: [&str; 3] = ["spot", "burst", "night"];

/// A card with a rate for some fleets by their names, one for any, and a change in the middle of the session.
fn card(prices: &[u16], middle: &str) -> String {
    let of_fleet = |(name, usd): (&str, &u16)| {
        format!(
            "[[rate]]\nusage = 'COMPUTE'\nfleet = '{name}'\nusdPerHour = {usd}\nvalidUntil = '{middle}'\n"
        )
    };
    let named: String = NAMES.into_iter().zip(prices).map(of_fleet).collect();
    format!("{named}[[rate]]\nusage = 'COMPUTE'\nusdPerHour = 7\n")
}

proptest! {
    /// A price by one of several cards, under one of several names: each card that gives it explains it to the nano-dollar,
    /// and the one that made it is among them.
    #[test]
    fn the_card_and_the_name_that_made_a_price_give_it_again(
        cards in proptest::collection::vec(proptest::collection::vec(0..4_u16, 0..3), 1..4),
        made_by in 0..4_usize,
        name in proptest::option::of(0..3_usize),
        middle in 0..120_i64,
    ) {
        let start = instant("2025-11-24T10:00:00Z");
        let middle = Timestamp::from_millis(start.millis() + middle * 60_000).unwrap().to_string();
        let cards: Vec<RateCard> =
            cards.iter().map(|prices| RateCard::parse(&card(prices, &middle)).unwrap()).collect();
        let made_by = made_by % cards.len();
        let then = name.map(|name| DisplayName::new(NAMES[name]).unwrap());
        let submission = Submission { names: RecordNames::default(), ..ended() };
        let stored = cards[made_by].price(submission, &|_| then.clone()).unwrap().record;
        let Record::Session(session) = &stored else { panic!("it is a session") };
        let cost = session.usage.as_slice()[0].cost;
        // What is stored has no name of its fleet: every name that a card has is tried, and none.
        let mut explaining = Vec::new();
        for (index, card) in cards.iter().enumerate() {
            let names = card.fleet_names().into_iter().map(Some).chain([None]);
            for tried in names {
                let lines = card.explain(&stored, &RecordNames::default(), &|_| tried.cloned()).unwrap();
                if lines[0].cost == cost {
                    explaining.push(index);
                }
            }
        }
        prop_assert!(explaining.contains(&made_by), "{made_by} is not among {explaining:?}");
    }
}

#[test]
fn a_card_names_the_fleets_of_its_rates_once() {
    let card = RateCard::parse(
        &(card(&[1, 2], "2025-11-24T11:00:00Z")
            + "[[rate]]\nusage = 'COMPUTE'\nfleet = 'spot'\nusdPerHour = 1\nvalidFrom = 2026-01-01\n"),
    )
    .unwrap();
    let names: Vec<&str> = card.fleet_names().into_iter().map(DisplayName::as_str).collect();
    assert_eq!(names, ["burst", "spot"]);
}
