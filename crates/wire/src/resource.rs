//! What farms, queues and fleets have in common: a name, a description, settings, tags, and who did what when.
//!
//! Settings are the members that the API has for a resource and that mean nothing to farmtally, such as the role of a
//! fleet. They are checked by the service model, kept as one JSON object, and shown again as they came.

use std::collections::BTreeMap;

use farmtally_model::{DisplayName, Timestamp};
use serde_json::{Map, Value};

use crate::json::Shape;
use crate::request::CheckedRequest;
use crate::timestamp::WireTimestamp;
use crate::validation::ValidationError;

/// A farm, queue or fleet as the API shows it.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// What people call it.
    pub display_name: &'a DisplayName,
    /// What people say about it, at most 100 characters.
    pub description: Option<&'a str>,
    /// Its settings, as `Settings::to_text` wrote them.
    pub settings: Option<&'a str>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: &'a str,
    /// When it was last changed, if it ever was.
    pub updated_at: Option<Timestamp>,
    /// Who changed it last, if anybody did.
    pub updated_by: Option<&'a str>,
}

impl Resource<'_> {
    /// The members that lists show too.
    pub(crate) fn summary(&self) -> Shape {
        Shape::default()
            .with("displayName", self.display_name.as_str())
            .with_text("createdAt", WireTimestamp(self.created_at))
            .with("createdBy", self.created_by)
            .with_some("updatedAt", self.updated_at.map(|at| WireTimestamp(at).to_string()))
            .with_some("updatedBy", self.updated_by)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::from_text(self.settings)
    }
}

/// Members of a resource that are kept as they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings(Map<String, Value>);

/// The members of a request that are not settings.
const NO_SETTINGS: [&str; 8] =
    ["farmId", "queueId", "fleetId", "clientToken", "displayName", "description", "costScaleFactor", "tags"];

impl Settings {
    fn of(request: &CheckedRequest) -> Self {
        let members = request.members().iter().filter(|(name, _)| !NO_SETTINGS.contains(&name.as_str()));
        Self(members.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Reads what [`Self::to_text`] wrote. What is none of that is no settings.
    fn from_text(text: Option<&str>) -> Self {
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// The settings as one text.
    fn to_text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Takes a setting out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    pub(crate) fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// A fleet has room for as many workers as it has at least.
    fn check(&self) -> Result<(), ValidationError> {
        let count = |name| self.0.get(name).and_then(Value::as_i64);
        match (count("minWorkerCount"), count("maxWorkerCount")) {
            (Some(least), Some(most)) if least > most => {
                let message = format!("{least} is more than maxWorkerCount, which is {most}");
                Err(ValidationError::field("minWorkerCount", &message))
            }
            _ => Ok(()),
        }
    }
}

/// A farm, queue or fleet that is to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewResource {
    /// What people will call it.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Option<String>,
    /// Its settings, as one text.
    pub settings: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What the client calls this call.
    pub client_token: Option<String>,
}

impl NewResource {
    pub(crate) fn of(request: &CheckedRequest) -> Result<Self, ValidationError> {
        let settings = Settings::of(request);
        settings.check()?;
        Ok(Self {
            display_name: request.required("displayName")?,
            description: request.text("description").map(str::to_owned),
            settings: settings.to_text(),
            tags: crate::tags::tags(request)?,
            client_token: request.text("clientToken").map(str::to_owned),
        })
    }
}

/// What is to change about a farm, queue or fleet. What was not given stays.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcePatch {
    /// Another name.
    pub display_name: Option<DisplayName>,
    /// Another description.
    pub description: Option<String>,
    settings: Settings,
}

/// Most elements of the lists that are changed by adding and removing.
const LIST_LENGTH_MAX: usize = 20;

impl ResourcePatch {
    pub(crate) fn of(request: &CheckedRequest) -> Result<Self, ValidationError> {
        Ok(Self {
            display_name: request.optional("displayName")?,
            description: request.text("description").map(str::to_owned),
            settings: Settings::of(request),
        })
    }

    /// The settings as they will be, given how they are. Members that end in `ToAdd` and `ToRemove` change a list; any
    /// other takes the place of the one before.
    pub fn patched_settings(&self, current: Option<&str>) -> Result<String, ValidationError> {
        let mut settings = Settings::from_text(current);
        for (name, value) in &self.settings.0 {
            if let Some(list) = name.strip_suffix("ToRemove") {
                settings.change_list(list, |elements| elements.retain(|element| !contains(value, element)));
            } else if !name.ends_with("ToAdd") {
                settings.0.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in &self.settings.0 {
            if let Some(list) = name.strip_suffix("ToAdd") {
                let length = settings.change_list(list, |elements| {
                    let new = value.as_array().into_iter().flatten();
                    for element in new {
                        if !elements.contains(element) {
                            elements.push(element.clone());
                        }
                    }
                });
                if length > LIST_LENGTH_MAX {
                    let message =
                        format!("{list} would have {length} elements; {LIST_LENGTH_MAX} are allowed");
                    return Err(ValidationError::field(name, &message));
                }
            }
        }
        settings.check()?;
        Ok(settings.to_text())
    }
}

impl Settings {
    /// Changes a list, which is empty as long as nobody said otherwise; gives its length.
    fn change_list(&mut self, name: &str, change: impl FnOnce(&mut Vec<Value>)) -> usize {
        let mut elements = match self.0.get(name) {
            Some(Value::Array(elements)) => elements.clone(),
            _ => Vec::new(),
        };
        change(&mut elements);
        let length = elements.len();
        self.0.insert(name.to_owned(), Value::Array(elements));
        length
    }
}

fn contains(list: &Value, element: &Value) -> bool {
    list.as_array().is_some_and(|elements| elements.contains(element))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::request::tests::request;
    use serde_json::json;

    /// A resource of olga's without anything that need not be there.
    pub(crate) fn resource(display_name: &DisplayName) -> Resource<'_> {
        Resource {
            display_name,
            description: None,
            settings: None,
            created_at: Timestamp::parse("2025-11-24T22:00:00Z").unwrap(),
            created_by: "olga",
            updated_at: None,
            updated_by: None,
        }
    }

    fn patched(current: &Value, patch: Value) -> Result<Value, String> {
        let request = request(Operation::UpdateQueue, patch).unwrap();
        let patch = ResourcePatch::of(&request).unwrap();
        let settings =
            patch.patched_settings(Some(&current.to_string())).map_err(|error| error.to_string())?;
        Ok(serde_json::from_str(&settings).unwrap())
    }

    #[test]
    fn a_patch_changes_what_it_names_and_lists_by_their_elements() {
        let current = json!({ "requiredFileSystemLocationNames": ["a", "b"], "defaultBudgetAction": "NONE" });
        let patch = json!({ "requiredFileSystemLocationNamesToRemove": ["a", "x"],
                            "requiredFileSystemLocationNamesToAdd": ["b", "c"], "displayName": "q",
                            "schedulingConfiguration": { "priorityFifo": {} } });
        let expected = json!({ "requiredFileSystemLocationNames": ["b", "c"], "defaultBudgetAction": "NONE",
                               "schedulingConfiguration": { "priorityFifo": {} } });
        assert_eq!(patched(&current, patch), Ok(expected));
    }

    #[test]
    fn a_list_does_not_grow_beyond_the_bound_of_the_model() {
        let names: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
        let current = json!({ "requiredFileSystemLocationNames": names });
        let patch = json!({ "requiredFileSystemLocationNamesToAdd": ["one more"] });
        let error = patched(&current, patch).unwrap_err();
        assert!(error.contains("would have 21 elements; 20 are allowed"), "{error}");
    }

    #[test]
    fn a_fleet_has_no_more_workers_at_least_than_at_most() {
        let request = request(Operation::UpdateFleet, json!({ "minWorkerCount": 5 })).unwrap();
        let patch = ResourcePatch::of(&request).unwrap();
        assert!(patch.patched_settings(Some(r#"{"maxWorkerCount":5}"#)).is_ok());
        let error = patch.patched_settings(Some(r#"{"maxWorkerCount":4}"#)).unwrap_err();
        assert!(error.to_string().ends_with("minWorkerCount: 5 is more than maxWorkerCount, which is 4"));
    }
}
