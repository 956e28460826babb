//! Every worked example of the document, checked as it is printed there.

use super::case::check;

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/semantics.md"));
const HEADING: &str = "### Example: ";

/// Checks the blocks under the heading of one example.
#[track_caller]
fn check_example(title: &str) {
    let (_, from_title) =
        DOCUMENT.split_once(&format!("{HEADING}{title}\n")).expect("the document has the example");
    let section = from_title.split("\n#").next().unwrap();
    let blocks: Vec<&str> = section.split("```text\n").skip(1).collect();
    assert!(!blocks.is_empty(), "no block under {title:?}");
    for block in blocks {
        check(block.split("```").next().unwrap());
    }
}

macro_rules! examples {
    ($($test:ident => $title:literal,)*) => {
        $(#[test]
        fn $test() {
            check_example($title);
        })*

        #[test]
        fn every_example_of_the_document_has_a_test() {
            let titles: Vec<&str> = DOCUMENT.lines().filter_map(|line| line.strip_prefix(HEADING)).collect();
            assert_eq!(titles, [$($title),*]);
        }
    };
}

examples! {
    a_session_across_an_hour_is_cut_there => "a session across an hour",
    pieces_of_a_cost_that_does_not_divide_add_up_to_it => "a cost that does not divide",
    every_line_has_its_own_meter => "every line has its own meter",
    a_session_without_length_is_in_the_bucket_of_its_start => "a session without length",
    a_running_session_ends_now_and_has_not_begun_at_its_start => "a running session",
    a_cost_so_far_is_spread_over_the_time_until_now => "a running session with a cost so far",
    a_price_is_cut_once_for_each_line => "a price is cut once for each line",
    licences_add_cost_and_no_hours => "licences add cost and no hours",
    volumes_show_in_a_question_about_fleets_by_usage_type
        => "volumes show in a question about fleets by usage type",
    counts_do_not_add_up_over_periods => "counts do not add up over periods",
    rounding_happens_once => "rounding happens once",
    the_scale_factor_multiplies_every_cost => "the scale factor multiplies every cost",
    the_first_and_the_last_bucket_are_clipped => "the first and the last bucket are clipped",
    days_at_a_half_hour_offset_begin_at_half_past => "half-hour offsets",
    weeks_begin_on_monday => "weeks begin on Monday",
    months_follow_the_local_calendar => "months on a local calendar",
    a_missing_value_keeps_its_row => "a missing value keeps its row",
    a_job_goes_by_its_latest_name => "a job goes by its latest name",
}
