//! Texts to values of the model, whether they came in a path, a query or a body.

use farmtally_model::FarmId;

use crate::excerpt::quoted;
use crate::validation::Problems;

/// The farm of a path.
pub(crate) fn farm_id(label: &str, problems: &mut Problems) -> Option<FarmId> {
    identifier("farmId", label, FarmId::PATTERN, problems)
}

/// An identifier of the model.
pub(crate) fn identifier<T: std::str::FromStr>(
    name: impl Into<String>,
    text: &str,
    pattern: &str,
    problems: &mut Problems,
) -> Option<T> {
    match text.parse() {
        Ok(identifier) => Some(identifier),
        Err(_) => problems.refuse(name, format!("{} does not match {pattern}", quoted(text))),
    }
}

/// One of an enum's texts.
pub(crate) fn one_of<T: Copy>(
    name: impl Into<String>,
    text: &str,
    choices: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    if let Some((_, choice)) = choices.iter().find(|(choice, _)| *choice == text) {
        return Some(*choice);
    }
    let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
    problems.refuse(name, format!("{} is not one of {}", quoted(text), names.join(", ")))
}
