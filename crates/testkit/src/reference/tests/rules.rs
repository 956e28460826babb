//! The rules one by one, each in a case whose answer was worked out by hand.

use super::case::check;

#[test]
fn a_session_that_only_touches_the_window_is_not_in_it() {
    check(
        "session 2025-11-24T21:00Z .. 2025-11-24T22:00Z | COMPUTE 1
         session 2025-11-24T23:00Z .. 2025-11-25T00:00Z | COMPUTE 1
         session 2025-11-24T21:59:59.999Z .. 2025-11-24T22:00:00.001Z | COMPUTE 0.000000003
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by QUEUE_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 1 | cost 0.000000002 | runtime 0.001",
    );
}

#[test]
fn a_session_without_length_at_either_end_of_the_window_is_in_at_the_start_only() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T22:00Z | COMPUTE 0.25
         session 2025-11-24T23:00Z .. 2025-11-24T23:00Z | COMPUTE 4
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by QUEUE_ID | SUM AVG
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 1 | cost SUM 0.25 AVG 0.25 | runtime SUM 0 AVG 0",
    );
}

#[test]
fn only_the_queues_asked_for_are_in_the_answer() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | queue=comp | COMPUTE 1
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | queue=fx | COMPUTE 2
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | queue=lighting | COMPUTE 4
         ask queues lighting comp unknown | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by QUEUE_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | comp | count 1 | cost 1 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 1 | cost 4 | runtime 3600",
    );
}

#[test]
fn a_question_about_fleets_looks_at_sessions_of_every_queue() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | queue=comp fleet=spot | COMPUTE 1
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | queue=fx fleet=spot | COMPUTE 2
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | queue=fx fleet=gpu | COMPUTE 4
         ask fleets spot | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by FLEET_ID QUEUE_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | spot | comp | count 1 | cost 1 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | spot | fx | count 1 | cost 2 | runtime 3600",
    );
}

#[test]
fn rows_are_sorted_by_bucket_newest_first_and_then_by_the_fields_in_their_order() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-25T00:00Z | user=zoe queue=comp
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | user=ana queue=lighting
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | user=Zoe queue=lighting
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | user=ana queue=comp
         ask queues comp lighting | 2025-11-24T22:00Z .. 2025-11-25T00:00Z | HOURLY | by USER_ID QUEUE_ID
         answer
         2025-11-24T23:00Z .. 2025-11-25T00:00Z | zoe | comp | count 1 | cost 0 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | Zoe | lighting | count 1 | cost 0 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | ana | comp | count 1 | cost 0 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | ana | lighting | count 1 | cost 0 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | zoe | comp | count 1 | cost 0 | runtime 3600",
    );
}

#[test]
fn minimum_and_maximum_are_about_pieces() {
    check(
        "session 2025-11-24T22:50Z .. 2025-11-24T23:50Z | COMPUTE 6
         session 2025-11-24T22:00Z .. 2025-11-24T22:20Z | COMPUTE 3
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-25T00:00Z | HOURLY | by QUEUE_ID | MIN MAX
         answer
         2025-11-24T23:00Z .. 2025-11-25T00:00Z | lighting | count 1 | cost MIN 5 MAX 5 | runtime MIN 3000 MAX 3000
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 2 | cost MIN 1 MAX 3 | runtime MIN 600 MAX 1200",
    );
}

#[test]
fn a_session_with_two_licences_is_one_contribution_to_its_usage_type() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE 1 | LICENSE arnold 2 | LICENSE nuke 4
         session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE 8
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by USAGE_TYPE | MIN MAX
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE | count 2 | cost MIN 1 MAX 8 | runtime MIN 3600 MAX 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | LICENSE | count 1 | cost MIN 6 MAX 6 | runtime MIN 3600 MAX 3600",
    );
}

#[test]
fn a_session_without_compute_counts_once_and_is_a_licence_by_usage_type() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | LICENSE nuke 4 | LICENSE arnold 2
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by USAGE_TYPE
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | LICENSE | count 1 | cost 6 | runtime 3600",
    );
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | LICENSE nuke 4 | LICENSE arnold 2
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by USER_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | ana | count 1 | cost 6 | runtime 3600",
    );
}

#[test]
fn a_session_without_licences_is_in_no_row_of_products() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE 1
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by LICENSE_PRODUCT
         answer",
    );
}

#[test]
fn usage_type_beside_a_product_is_always_license_and_shows_no_volume() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE 1 | LICENSE nuke 4 | LICENSE arnold 2
         volume 2025-11-24T22:00Z .. 2025-11-24T23:00Z | fleet=onprem | 8
         ask fleets onprem | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by USAGE_TYPE LICENSE_PRODUCT
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | LICENSE | arnold | count 1 | cost 2 | runtime 3600
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | LICENSE | nuke | count 1 | cost 4 | runtime 3600",
    );
}

#[test]
fn a_volume_without_queue_job_user_or_machine_comes_before_those_that_have_one() {
    for (field, value) in
        [("QUEUE_ID", "lighting"), ("JOB_ID", "job1/shot"), ("USER_ID", "ana"), ("INSTANCE_TYPE", "c6i")]
    {
        check(&format!(
            "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | machine=c6i | COMPUTE 1
             volume 2025-11-24T22:00Z .. 2025-11-24T23:00Z | fleet=onprem | 8
             ask fleets onprem | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by {field} USAGE_TYPE
             answer
             2025-11-24T22:00Z .. 2025-11-24T23:00Z | - | PERSISTENT_VOLUME | count 1 | cost 8 | runtime 3600
             2025-11-24T22:00Z .. 2025-11-24T23:00Z | {value} | COMPUTE | count 1 | cost 1 | runtime 3600"
        ));
    }
}

#[test]
fn a_volume_has_its_fleet_and_is_cut_and_priced_like_a_session() {
    check(
        "volume 2025-11-24T21:00Z .. running | fleet=spot | 0.60/h
         volume 2025-11-24T22:00Z .. 2025-11-24T22:00Z | fleet=spot | 0.05
         volume 2025-11-24T22:00Z .. 2025-11-24T23:00Z | fleet=gpu | 8
         now 2025-11-24T22:30Z
         ask fleets spot | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by USAGE_TYPE FLEET_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | PERSISTENT_VOLUME | spot | count 2 | cost 0.35 | runtime 1800",
    );
}

#[test]
fn a_question_about_queues_shows_no_volume() {
    check(
        "volume 2025-11-24T22:00Z .. 2025-11-24T23:00Z | fleet=onprem | 8
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by USAGE_TYPE
         answer",
    );
}

#[test]
fn a_session_that_has_ended_keeps_its_end_whatever_the_time_of_the_question() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE 1
         now 2025-11-24T22:30Z
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by QUEUE_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 1 | cost 1 | runtime 3600",
    );
}

#[test]
fn a_running_session_is_cut_at_edges_by_its_price_so_far() {
    // 80 minutes at 0.10 an hour are 0.133333333; three quarters of them are 0.099999999 and not 0.1.
    check(
        "session 2025-11-24T22:00Z .. running | COMPUTE 0.10/h
         now 2025-11-24T23:20Z
         ask queues lighting | 2025-11-24T22:00Z .. 2025-11-25T00:00Z | HOURLY | by QUEUE_ID
         answer
         2025-11-24T23:00Z .. 2025-11-25T00:00Z | lighting | count 1 | cost 0.033333334 | runtime 1200
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 1 | cost 0.099999999 | runtime 3600",
    );
}

#[test]
fn of_two_names_given_at_the_same_time_the_greater_one_holds() {
    for (one, other) in [("shot_a", "shot_b"), ("shot_b", "shot_a")] {
        check(&format!(
            "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | job=job1/{one}
             session 2025-11-24T22:00Z .. 2025-11-24T22:30Z | job=job1/{other}
             session 2025-11-24T21:00Z .. 2025-11-24T23:00Z | job=job1/zzz
             session 2025-11-24T22:30Z .. 2025-11-24T23:00Z | job=job0/shot_a
             ask queues lighting | 2025-11-24T22:00Z .. 2025-11-24T23:00Z | by JOB_ID
             answer
             2025-11-24T22:00Z .. 2025-11-24T23:00Z | job0/shot_a | count 1 | cost 0 | runtime 1800
             2025-11-24T22:00Z .. 2025-11-24T23:00Z | job1/shot_b | count 3 | cost 0 | runtime 9000"
        ));
    }
}

#[test]
fn hours_at_a_half_hour_offset_begin_at_half_past() {
    check(
        "session 2025-11-24T22:00Z .. 2025-11-24T23:00Z | COMPUTE 1
         ask queues lighting | 2025-11-24T21:30Z .. 2025-11-24T23:30Z | HOURLY | UTC-19:30 | by QUEUE_ID
         answer
         2025-11-24T22:30Z .. 2025-11-24T23:30Z | lighting | count 1 | cost 0.5 | runtime 1800
         2025-11-24T21:30Z .. 2025-11-24T22:30Z | lighting | count 1 | cost 0.5 | runtime 1800",
    );
}

#[test]
fn the_first_hour_that_can_be_kept_lies_in_a_month_that_began_before_it() {
    check(
        "session 1970-01-01T00:00Z .. 1970-01-01T12:00Z | COMPUTE 12
         ask queues lighting | 1970-01-01T00:00Z .. 1970-01-02T00:00Z | MONTHLY | UTC-08:00 | by QUEUE_ID
         answer
         1970-01-01T08:00Z .. 1970-01-02T00:00Z | lighting | count 1 | cost 4 | runtime 14400
         1970-01-01T00:00Z .. 1970-01-01T08:00Z | lighting | count 1 | cost 8 | runtime 28800",
    );
}

#[test]
fn the_largest_costs_are_spread_exactly() {
    // A billion dollars over three milliseconds, of which one lies before the hour.
    check(
        "session 2025-11-24T21:59:59.999Z .. 2025-11-24T22:00:00.002Z | COMPUTE 1000000000
         ask queues lighting | 2025-11-24T21:00Z .. 2025-11-24T23:00Z | HOURLY | by QUEUE_ID
         answer
         2025-11-24T22:00Z .. 2025-11-24T23:00Z | lighting | count 1 | cost 666666666.6666666 | runtime 0.002
         2025-11-24T21:00Z .. 2025-11-24T22:00Z | lighting | count 1 | cost 333333333.3333333 | runtime 0.001",
    );
}
