//! Users and job names of budgets that nothing of the farm has: they may come, or they are misspelt.

use farmtally_ingest::nearest_name;
use farmtally_model::{FarmId, NameGlob, UserId};
use farmtally_store::Catalogue;

use crate::error::ServiceError;
use crate::service::Service;

/// Names that are shown in place of a pattern that matches none.
const SIMILAR_MAX: usize = 3;
/// Shortest part of a pattern by which names are similar, in characters.
const PART_CHARS_MIN: usize = 3;

/// A pattern that no job's name matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedJobName {
    /// Whether the names that are similar match once capitals do not matter.
    pub is_case: bool,
    /// The first of the names that are similar.
    pub similar: Vec<String>,
}

/// A user that the farm has never heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedUser {
    /// The user whose id is nearest, if one is near.
    pub nearest: Option<String>,
}

/// Whether a farm has never heard of a user.
pub fn unmatched_user(
    catalogue: &Catalogue,
    farm_id: FarmId,
    user_id: &UserId,
) -> Result<Option<UnmatchedUser>, ServiceError> {
    let users = catalogue.users(farm_id)?;
    if users.iter().any(|(known, _)| known == user_id) {
        return Ok(None);
    }
    let known: Vec<&str> = users.iter().map(|(known, _)| known.as_str()).collect();
    let nearest = nearest_name(user_id.as_str(), &known).map(str::to_owned);
    Ok(Some(UnmatchedUser { nearest }))
}

impl Service {
    /// Whether a pattern of a budget matches no job of the farm.
    pub fn unmatched_job_name(
        &self,
        farm_id: FarmId,
        pattern: &str,
    ) -> Result<Option<UnmatchedJobName>, ServiceError> {
        let snapshot = self.store.snapshot(farm_id)?;
        let glob = |text: &str, with_case: bool| {
            let glob = if with_case { NameGlob::with_case(text) } else { NameGlob::new(text) };
            glob.map_err(ServiceError::internal)
        };
        let matching = |glob: &NameGlob, most: usize| {
            let mut names: Vec<String> = Vec::new();
            for job in snapshot.jobs().iter().filter(|job| glob.matches(job.name.as_str())) {
                if names.len() < most && !names.iter().any(|name| name == job.name.as_str()) {
                    names.push(job.name.as_str().to_owned());
                }
            }
            names
        };
        if !matching(&glob(pattern, true)?, 1).is_empty() {
            return Ok(None);
        }
        let similar = matching(&glob(pattern, false)?, SIMILAR_MAX);
        if !similar.is_empty() {
            return Ok(Some(UnmatchedJobName { is_case: true, similar }));
        }
        let longest = pattern.split(['*', '?']).max_by_key(|part| part.chars().count()).unwrap_or_default();
        let similar = match longest.chars().count() {
            PART_CHARS_MIN.. => matching(&glob(&format!("*{longest}*"), false)?, SIMILAR_MAX),
            _ => Vec::new(),
        };
        Ok(Some(UnmatchedJobName { is_case: false, similar }))
    }
}
