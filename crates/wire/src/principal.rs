//! `principalId`: the member of a studio for whom a list is meant.
//!
//! farmtally has access keys and no memberships. The parameter is checked, so that a script with a typo learns of it
//! here too, and otherwise changes nothing: a list shows what the access key may see.

use crate::excerpt::quoted;
use crate::query_string::QueryString;
use crate::validation::Problems;

const PATTERN: &str =
    "([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}";
/// Digits between the hyphens of an identity's UUID.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// Digits of an identity store, in front of the UUID where there is one.
const STORE_DIGITS: usize = 10;

/// Notes a problem if the parameter is given and is no identity.
pub(crate) fn check_principal_id(query: QueryString<'_>, problems: &mut Problems) {
    if let Some(text) = query.parameter("principalId", problems)
        && !is_principal_id(&text)
    {
        problems.refuse::<()>("principalId", format!("{} does not match {PATTERN}", quoted(&text)));
    }
}

fn is_principal_id(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    match groups.as_slice() {
        [store, uuid @ ..] if uuid.len() == UUID_GROUPS.len() => is_store(store) && is_uuid(uuid),
        uuid => is_uuid(uuid),
    }
}

fn is_store(digits: &str) -> bool {
    digits.len() == STORE_DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_uuid(groups: &[&str]) -> bool {
    groups.iter().map(|group| group.len()).eq(UUID_GROUPS)
        && groups.iter().all(|group| group.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(raw_query: &str) -> bool {
        let mut problems = Problems::default();
        check_principal_id(QueryString::new(raw_query), &mut problems);
        problems.finish(Some(())).is_ok()
    }

    #[test]
    fn a_principal_is_a_uuid_with_or_without_its_identity_store() {
        for text in [
            "f9c1f3f0-1031-70dc-4d25-30d7225b04a0",
            "F9C1F3F0-1031-70DC-4D25-30D7225B04A0",
            "0123456789-f9c1f3f0-1031-70dc-4d25-30d7225b04a0",
        ] {
            assert!(accepts(&format!("principalId={text}")), "{text}");
        }
        for text in [
            "",
            "alice",
            "-f9c1f3f0-1031-70dc-4d25-30d7225b04a0",
            "012345678A-f9c1f3f0-1031-70dc-4d25-30d7225b04a0",
            "f9c1f3f0-1031-70dc-4d25-30d7225b04a",
            "f9c1f3f0-1031-70dc-4d25-30d7225b04ag",
            "f9c1f3f01031-70dc-4d25-30d7-225b04a0",
        ] {
            assert!(!accepts(&format!("principalId={text}")), "{text}");
        }
    }

    #[test]
    fn no_principal_is_fine() {
        assert!(accepts(""));
    }
}
