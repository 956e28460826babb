//! Every modelled error of both operations, as the type that a program matches on.

use aws_sdk_deadline::error::ProvideErrorMetadata;
use aws_sdk_deadline::operation::RequestId;
use aws_sdk_deadline::operation::get_sessions_statistics_aggregation::GetSessionsStatisticsAggregationError as GetError;
use aws_sdk_deadline::operation::start_sessions_statistics_aggregation::StartSessionsStatisticsAggregationError as StartError;
use aws_sdk_deadline::types::{Period, ValidationExceptionReason};

use crate::site::{Door, UNKNOWN_AGGREGATION, prepared, question};

/// Why a Start of the usual question is refused.
async fn start_refused(door: Door, farm_id: &str) -> StartError {
    question(&door.client(), farm_id).send().await.unwrap_err().into_service_error()
}

/// Why a Get is refused.
async fn get_refused(door: Door, farm_id: &str, results_max: i32) -> GetError {
    let get = door.client().get_sessions_statistics_aggregation();
    let get = get.farm_id(farm_id).aggregation_id(UNKNOWN_AGGREGATION).max_results(results_max);
    let error = get.send().await.unwrap_err().into_service_error();
    assert!(error.request_id().is_some());
    error
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn validation_has_reason_and_fields() {
    let asked = question(&Door::user().client(), &prepared("FARM_ID")).period(Period::from("YEARLY"));
    let StartError::ValidationException(error) = asked.send().await.unwrap_err().into_service_error() else {
        panic!("not a ValidationException");
    };
    assert_eq!(error.reason, ValidationExceptionReason::FieldValidationFailed);
    assert_eq!(error.field_list()[0].name, "period");

    let error = get_refused(Door::user(), &prepared("FARM_ID"), 1000).await;
    assert!(
        matches!(error, GetError::ValidationException(error) if error.field_list()[0].name == "maxResults")
    );
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn not_found_names_the_resource() {
    let unknown = "farm-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    let error = start_refused(Door::user(), unknown).await;
    let StartError::ResourceNotFoundException(error) = error else { panic!("{error:?}") };
    assert_eq!((error.resource_id(), error.resource_type()), (unknown, "farm"));

    let error = get_refused(Door::user(), &prepared("FARM_ID"), 1).await;
    let GetError::ResourceNotFoundException(error) = error else { panic!("{error:?}") };
    assert_eq!(error.resource_id(), UNKNOWN_AGGREGATION);
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn access_is_denied_to_keys_that_may_not_read() {
    let farm_id = prepared("FARM_ID");
    let error = start_refused(Door::ingester(), &farm_id).await;
    let StartError::AccessDeniedException(error) = error else { panic!("{error:?}") };
    assert!(error.message().contains("ingester"), "{error}");
    assert!(get_refused(Door::ingester(), &farm_id, 1).await.is_access_denied_exception());
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn throttling_says_when_to_come_again() {
    let error = start_refused(Door::user(), &prepared("BUSY_FARM_ID")).await;
    let StartError::ThrottlingException(error) = error else { panic!("{error:?}") };
    assert!(error.retry_after_seconds().is_some_and(|seconds| seconds >= 1));
    assert!(error.message().contains(&prepared("BUSY_AGGREGATION_ID")));
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn an_internal_error_says_nothing_of_the_inside() {
    let farm_id = prepared("BROKEN_FARM_ID");
    let error = start_refused(Door::broken(), &farm_id).await;
    let StartError::InternalServerErrorException(error) = error else { panic!("{error:?}") };
    assert!(!error.message().contains("table"), "{error}");
    assert!(get_refused(Door::broken(), &farm_id, 1).await.is_internal_server_error_exception());
}

#[tokio::test]
#[ignore = "run by tests/clients/test_rust.py"]
async fn a_wrong_secret_is_refused_with_its_reason() {
    let error = start_refused(Door::wrong_secret(), &prepared("FARM_ID")).await;
    assert_eq!(error.code(), Some("InvalidSignatureException"));
}
