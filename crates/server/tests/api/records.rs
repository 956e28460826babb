//! Records and questions as tests write them.

use serde_json::{Value, json};

/// The id of a kind and a number, `queue-000…7`.
pub(crate) fn id(kind: &str, number: u32) -> String {
    format!("{kind}-{number:032x}")
}

/// A session of queue 1 and fleet 1 that cost a dollar, from 10:00 to 11:00 on 24 November 2025.
pub(crate) fn session(number: u32) -> Value {
    json!({
        "sessionId": id("session", number), "queueId": id("queue", 1), "fleetId": id("fleet", 1),
        "jobId": id("job", number), "jobName": "sh010 comp", "userId": "alice",
        "startedAt": "2025-11-24T10:00:00Z", "endedAt": "2025-11-24T11:00:00Z",
        "usage": [{ "usageType": "COMPUTE", "costInUsd": "1" }],
    })
}

/// A session that still runs, at no cost, since 23:00 on 25 November 2025, an hour before every test begins.
pub(crate) fn running_session(number: u32) -> Value {
    with(
        session(number),
        json!({ "startedAt": "2025-11-25T23:00:00Z", "endedAt": null,
                                  "usage": [{ "usageType": "COMPUTE", "costInUsd": "0" }] }),
    )
}

/// A volume of fleet 1.
pub(crate) fn volume(number: u32) -> Value {
    json!({
        "volumeId": id("volume", number), "fleetId": id("fleet", 1), "costInUsd": "0.5",
        "startedAt": "2025-11-24T00:00:00Z", "endedAt": "2025-11-25T00:00:00Z",
    })
}

/// What queue 1 cost from 24 to 26 November 2025, by user.
pub(crate) fn question() -> Value {
    json!({
        "resourceIds": { "queueIds": [id("queue", 1)] },
        "startTime": "2025-11-24T00:00:00Z", "endTime": "2025-11-26T00:00:00Z",
        "groupBy": ["USER_ID"], "statistics": ["SUM"],
    })
}

/// An object with some members changed, or taken out where they are null.
pub(crate) fn with(mut object: Value, changes: Value) -> Value {
    let (Some(members), Value::Object(changes)) = (object.as_object_mut(), changes) else {
        panic!("only objects have members");
    };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    object
}
