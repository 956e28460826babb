//! The prepared servers, and clients of them.

use aws_sdk_deadline::Client;
use aws_sdk_deadline::config::retry::RetryConfig;
use aws_sdk_deadline::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_deadline::operation::get_sessions_statistics_aggregation::GetSessionsStatisticsAggregationOutput;
use aws_sdk_deadline::operation::start_sessions_statistics_aggregation::builders::StartSessionsStatisticsAggregationFluentBuilder;
use aws_sdk_deadline::primitives::DateTime;
use aws_sdk_deadline::types::{
    SessionsStatisticsAggregationStatus, SessionsStatisticsResources, UsageGroupByField, UsageStatistic,
};

use crate::host_prefix::{HostPrefix, LoopbackRoute};

/// A well-formed id that names no aggregation.
pub(crate) const UNKNOWN_AGGREGATION: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

/// A value that `test_rust.py` set.
pub(crate) fn prepared(name: &str) -> String {
    let name = format!("FARMTALLY_TEST_{name}");
    std::env::var(&name)
        .unwrap_or_else(|_| panic!("{name} is not set; these tests are run by tests/clients/test_rust.py"))
}

pub(crate) fn prepared_list(name: &str) -> Vec<String> {
    prepared(name).split(',').map(str::to_owned).collect()
}

fn exported(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `farmtally env` prints it"))
}

/// Whose key, and where.
pub(crate) struct Door {
    endpoint: String,
    access_key_id: String,
    secret_access_key: String,
}

impl Door {
    /// What `farmtally env` gives a user.
    pub(crate) fn user() -> Self {
        Self {
            endpoint: exported("AWS_ENDPOINT_URL_DEADLINE"),
            access_key_id: exported("AWS_ACCESS_KEY_ID"),
            secret_access_key: exported("AWS_SECRET_ACCESS_KEY"),
        }
    }

    pub(crate) fn wrong_secret() -> Self {
        Self { secret_access_key: "wrong".to_owned(), ..Self::user() }
    }

    pub(crate) fn ingester() -> Self {
        Self {
            access_key_id: prepared("INGESTER_ACCESS_KEY_ID"),
            secret_access_key: prepared("INGESTER_SECRET_ACCESS_KEY"),
            ..Self::user()
        }
    }

    /// A server whose catalogue is damaged.
    pub(crate) fn broken() -> Self {
        Self {
            endpoint: prepared("BROKEN_ENDPOINT"),
            access_key_id: prepared("BROKEN_ACCESS_KEY_ID"),
            secret_access_key: prepared("BROKEN_SECRET_ACCESS_KEY"),
        }
    }

    /// A client that keeps the prefixed name and does not try again.
    pub(crate) fn client(self) -> Client {
        self.client_with(HostPrefix::Kept)
    }

    pub(crate) fn client_with(self, host_prefix: HostPrefix) -> Client {
        let config = aws_sdk_deadline::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(exported("AWS_REGION")))
            .credentials_provider(Credentials::new(
                self.access_key_id,
                self.secret_access_key,
                None,
                None,
                "farmtally env",
            ))
            .interceptor(LoopbackRoute::new(&self.endpoint, host_prefix))
            .endpoint_url(self.endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }
}

/// A Start over the sample's two days and its two queues.
pub(crate) fn question(client: &Client, farm_id: &str) -> StartSessionsStatisticsAggregationFluentBuilder {
    client
        .start_sessions_statistics_aggregation()
        .farm_id(farm_id)
        .resource_ids(SessionsStatisticsResources::QueueIds(prepared_list("QUEUE_IDS")))
        .start_time(DateTime::from_secs(1_763_942_400))
        .end_time(DateTime::from_secs(1_764_115_200))
        .group_by(UsageGroupByField::QueueId)
        .statistics(UsageStatistic::Sum)
}

/// Starts, and gets until the aggregation has ended; its id and its first page.
pub(crate) async fn answer(
    client: &Client,
    question: StartSessionsStatisticsAggregationFluentBuilder,
) -> (String, GetSessionsStatisticsAggregationOutput) {
    let farm_id = question.get_farm_id().clone().unwrap();
    let aggregation_id = question.send().await.unwrap().aggregation_id;
    loop {
        let get =
            client.get_sessions_statistics_aggregation().farm_id(&farm_id).aggregation_id(&aggregation_id);
        let page = get.send().await.unwrap();
        if page.status != SessionsStatisticsAggregationStatus::InProgress {
            return (aggregation_id, page);
        }
    }
}
