//! Tags: ListTagsForResource, TagResource and UntagResource, and the tags of what is created.
//!
//! The model bounds neither keys nor values; AWS does, elsewhere, and its bounds are ours.

use std::collections::BTreeMap;

use farmtally_model::{FarmId, FleetId, QueueId};
use serde_json::Value;

use crate::excerpt::quoted;
use crate::json::Shape;
use crate::request::CheckedRequest;
use crate::validation::{Problems, ValidationError};

/// Most tags of one resource.
pub const TAGS_MAX: usize = 50;
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;

/// What a resource name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaggedResource {
    /// A farm.
    Farm(FarmId),
    /// A queue of a farm.
    Queue(FarmId, QueueId),
    /// A fleet of a farm.
    Fleet(FarmId, FleetId),
}

/// The resource of a request. Partition, region and account of its name may be any: there is one of each here.
pub fn parse_tagged(request: &CheckedRequest) -> Result<TaggedResource, ValidationError> {
    let arn = request.text("resourceArn").unwrap_or_default();
    tagged(arn).ok_or_else(|| {
        let message = format!(
            "{} is not the name of a farm, queue or fleet, such as \
             arn:aws:deadline:us-west-2:123456789012:farm/farm-…/queue/queue-…",
            quoted(arn)
        );
        ValidationError::field("resourceArn", &message)
    })
}

fn tagged(arn: &str) -> Option<TaggedResource> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "deadline", _, _, path] = parts.as_slice() else { return None };
    let labels: Vec<&str> = path.split('/').collect();
    match labels.as_slice() {
        ["farm", farm] => Some(TaggedResource::Farm(farm.parse().ok()?)),
        ["farm", farm, "queue", queue] => {
            Some(TaggedResource::Queue(farm.parse().ok()?, queue.parse().ok()?))
        }
        ["farm", farm, "fleet", fleet] => {
            Some(TaggedResource::Fleet(farm.parse().ok()?, fleet.parse().ok()?))
        }
        _ => None,
    }
}

/// The tags of a request that has some.
pub fn tags(request: &CheckedRequest) -> Result<BTreeMap<String, String>, ValidationError> {
    let mut problems = Problems::default();
    let mut tags = BTreeMap::new();
    let given = request.value("tags").and_then(Value::as_object);
    for (key, value) in given.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        check_tag(key, value, &mut problems);
        tags.insert(key.clone(), value.to_owned());
    }
    if tags.len() > TAGS_MAX {
        problems.refuse::<()>("tags", format!("{} tags are given; {TAGS_MAX} are allowed", tags.len()));
    }
    problems.finish(Some(tags))
}

fn check_tag(key: &str, value: &str, problems: &mut Problems) {
    let length = key.chars().count();
    if !(1..=KEY_LENGTH_MAX).contains(&length) {
        let message =
            format!("the key {} has {length} characters; 1 to {KEY_LENGTH_MAX} are allowed", quoted(key));
        problems.refuse::<()>("tags", message);
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        problems.refuse::<()>("tags", format!("the key {} begins with aws:, which is reserved", quoted(key)));
    }
    let length = value.chars().count();
    if length > VALUE_LENGTH_MAX {
        let message = format!(
            "the value of {} has {length} characters; 0 to {VALUE_LENGTH_MAX} are allowed",
            quoted(key)
        );
        problems.refuse::<()>("tags", message);
    }
}

/// The keys of tags that are to go.
pub fn parse_tag_keys(request: &CheckedRequest) -> Vec<String> {
    let keys = request.value("tagKeys").and_then(Value::as_array);
    keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The body of a resource's tags.
pub fn write_tags(tags: &BTreeMap<String, String>) -> Vec<u8> {
    let tags = tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    Shape::default().with("tags", Value::Object(tags)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::request::tests::request;
    use serde_json::json;

    #[test]
    fn a_resource_name_leads_to_a_farm_a_queue_or_a_fleet() {
        let (farm, queue) = (FarmId::from_bytes([1; 16]), QueueId::from_bytes([2; 16]));
        let fleet = FleetId::from_bytes([3; 16]);
        let arn = |path: String| tagged(&format!("arn:aws-cn:deadline:eu-west-1:123456789012:{path}"));
        assert_eq!(arn(format!("farm/{farm}")), Some(TaggedResource::Farm(farm)));
        assert_eq!(arn(format!("farm/{farm}/queue/{queue}")), Some(TaggedResource::Queue(farm, queue)));
        assert_eq!(arn(format!("farm/{farm}/fleet/{fleet}")), Some(TaggedResource::Fleet(farm, fleet)));
        for path in [
            String::new(),
            "farm/x".to_owned(),
            format!("farm/{farm}/"),
            format!("farm/{farm}/queue/{fleet}"),
            format!("farm/{farm}/job/x"),
            format!("queue/{queue}"),
        ] {
            assert_eq!(arn(path.clone()), None, "{path}");
        }
        assert_eq!(tagged(&format!("arn:aws:s3:::farm/{farm}")), None);
    }

    #[test]
    fn tags_have_the_bounds_of_aws() {
        let check = |given: Value| {
            let request = request(Operation::TagResource, json!({ "tags": given })).unwrap();
            tags(&request).map(|tags| tags.len()).map_err(|error| error.to_string())
        };
        let many =
            |count: usize| Value::Object((0..count).map(|key| (key.to_string(), json!("x"))).collect());
        assert_eq!(check(json!({ "é".repeat(128): "v".repeat(256), "k": "" })), Ok(2));
        assert_eq!(check(many(50)), Ok(50));
        for refused in [
            many(51),
            json!({ "": "x" }),
            json!({ "k".repeat(129): "" }),
            json!({ "k": "v".repeat(257) }),
            json!({ "AWS:x": "" }),
        ] {
            assert!(check(refused).unwrap_err().starts_with("1 field is not valid: tags:"));
        }
    }
}
