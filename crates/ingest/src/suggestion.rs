//! "Did you mean": the known name that an unknown one was probably meant to be.

/// Longest name that is worth comparing; the work grows with its square.
const COMPARED_CHARS_MAX: usize = 40;

/// Most letters that may differ.
const DISTANCE_MAX: usize = 2;

/// `unknown member "sesionId"; did you mean sessionId?`
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let name_shown = crate::entry::excerpt(name);
    match nearest_name(name, known) {
        Some(nearest) => format!("unknown {what} {name_shown:?}; did you mean {nearest}?"),
        None => format!("unknown {what} {name_shown:?}"),
    }
}

/// The known name that differs from this one by two letters at most, apart from case and what separates words.
pub fn nearest_name<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = plain(name);
    if name.len() > COMPARED_CHARS_MAX {
        return None;
    }
    let distances = known.iter().map(|candidate| (distance(&name, &plain(candidate)), *candidate));
    distances
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= DISTANCE_MAX)
        .map(|(_, name)| name)
}

/// Letters without case, underscores and hyphens, so that `session_id` is `sessionId`.
fn plain(name: &str) -> Vec<char> {
    let letters =
        name.chars().take(COMPARED_CHARS_MAX + 10).filter(|letter| !matches!(letter, '_' | '-' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// Fewest insertions, removals and replacements that turn one into the other (Levenshtein).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.iter().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["sessionId", "startedAt", "costInUsd"];
        assert_eq!(
            unknown("member", "sesionId", &known),
            "unknown member \"sesionId\"; did you mean sessionId?"
        );
        assert_eq!(nearest_name("session_id", &known), Some("sessionId"));
        assert_eq!(nearest_name("COST_IN_USD", &known), Some("costInUsd"));
        assert_eq!(nearest_name("frames", &known), None);
        assert_eq!(nearest_name(&"x".repeat(10_000), &known), None);
    }

    #[test]
    fn distance_counts_single_letter_edits() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
        assert_eq!(distance(&letters(""), &letters("abc")), 3);
        assert_eq!(distance(&letters("abc"), &letters("abc")), 0);
    }
}
