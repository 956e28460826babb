//! Start, poll, page.

use aws_sdk_deadline::primitives::{DateTime, DateTimeFormat};
use aws_sdk_deadline::types::{
    Period, SessionsStatisticsAggregationStatus, SessionsStatisticsResources, UsageGroupByField,
    UsageStatistic,
};

use crate::site::{Door, answer, prepared, prepared_list, question};

fn text(instant: Option<&DateTime>) -> String {
    instant.unwrap().fmt(DateTimeFormat::DateTime).unwrap()
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn an_aggregation_is_started_polled_and_read() {
    let client = Door::user().client();
    let asked = question(&client, &prepared("FARM_ID")).statistics(UsageStatistic::Avg);
    let (_, page) = answer(&client, asked).await;
    assert_eq!(page.status, SessionsStatisticsAggregationStatus::Completed);
    assert_eq!((page.status_message(), page.next_token()), (None, None));
    let row = &page.statistics()[0];
    assert_eq!(row.queue_id(), Some(prepared_list("QUEUE_IDS")[0].as_str()));
    assert_eq!(row.count(), 2);
    let (cost, runtime) = (row.cost_in_usd().unwrap(), row.runtime_in_seconds().unwrap());
    assert_eq!((cost.sum(), cost.avg(), cost.min(), cost.max()), (Some(4.15), Some(2.075), None, None));
    assert_eq!((runtime.sum(), runtime.avg()), (Some(8400.0), Some(4200.0)));
    assert_eq!(text(row.aggregation_start_time()), "2025-11-24T00:00:00Z");
    assert_eq!(text(row.aggregation_end_time()), "2025-11-26T00:00:00Z");
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn period_and_timezone_make_buckets() {
    let client = Door::user().client();
    let asked = question(&client, &prepared("WIDE_FARM_ID"))
        .resource_ids(SessionsStatisticsResources::QueueIds(prepared_list("WIDE_QUEUE_IDS")))
        .period(Period::Daily)
        .timezone("UTC-08:00");
    let (_, page) = answer(&client, asked).await;
    assert_eq!(page.statistics().len(), 10);
    for row in page.statistics() {
        assert_eq!(text(row.aggregation_start_time()), "2025-11-24T00:00:00Z");
        assert_eq!(text(row.aggregation_end_time()), "2025-11-24T08:00:00Z");
    }
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn the_paginator_reads_every_page() {
    let client = Door::user().client();
    let farm_id = prepared("WIDE_FARM_ID");
    let asked = question(&client, &farm_id)
        .resource_ids(SessionsStatisticsResources::QueueIds(prepared_list("WIDE_QUEUE_IDS")))
        .set_group_by(Some(vec![UsageGroupByField::JobId]));
    let (aggregation_id, _) = answer(&client, asked).await;
    let get = client.get_sessions_statistics_aggregation().farm_id(&farm_id).aggregation_id(aggregation_id);
    let rows =
        get.into_paginator().page_size(80).items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut jobs: Vec<&str> = rows.iter().map(|row| row.job_id().unwrap()).collect();
    jobs.dedup();
    assert_eq!(jobs.len(), 210);
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn an_aggregation_in_progress_has_a_status_and_no_rows() {
    let get = Door::user().client().get_sessions_statistics_aggregation();
    let get = get.farm_id(prepared("BUSY_FARM_ID")).aggregation_id(prepared("BUSY_AGGREGATION_ID"));
    let page = get.send().await.unwrap();
    assert_eq!(page.status, SessionsStatisticsAggregationStatus::InProgress);
    assert!(page.statistics().is_empty());
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn farms_and_queues_are_listed() {
    let client = Door::user().client();
    let farms = client.list_farms().into_paginator().page_size(1).items().send();
    let farms = farms.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert!(farms.iter().any(|farm| farm.display_name == "north"), "{farms:?}");
    let queues = client.list_queues().farm_id(prepared("FARM_ID")).send().await.unwrap();
    let names: Vec<&str> = queues.queues.iter().map(|queue| queue.display_name.as_str()).collect();
    assert_eq!(names, ["comp", "sim"]);
}
