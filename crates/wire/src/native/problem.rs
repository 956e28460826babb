//! An error of the native API: a sentence for people, and its parts for programs.

use farmtally_model::question::QuestionError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json;

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A sentence for people.
    pub message: String,
    /// The member of the question that is wrong, such as `groupBy[2]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was given there, cut after 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem that is about no member of the question.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), field: None, value: None, hint: None }
    }

    /// The JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        json::to_bytes(self)
    }
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        let message = error.to_string();
        let QuestionError { field, value, hint, .. } = error;
        Self { message, field: Some(field), value, hint }
    }
}
