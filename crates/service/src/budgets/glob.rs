//! Job names by a pattern: `*` is any text, `?` any character, and everything else is itself, capitals included.

/// Whether a pattern matches the whole of a name. Its time is at most the product of both lengths.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut position) = (0, 0);
    // Where to go on when what follows the last star does not match: the star takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at, position));
                at += 1;
            }
            Some(character) if *character == '?' || *character == name[position] => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                (at, position) = (star + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        for (pattern, name) in [
            ("", ""),
            ("*", ""),
            ("*", "sh010"),
            ("sh*", "sh010 comp"),
            ("*comp", "sh010 comp"),
            ("sh?1*mp", "sh010 comp"),
            ("a*b*c", "aXbXbXc"),
            ("é?", "éß"),
            ("a**", "a"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("?", ""),
            ("sh*", "Sh010"),
            ("*comp", "sh010 comp2"),
            ("a*b*c", "aXbXb"),
            ("a?c", "ac"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        assert!(!matches(&"*a".repeat(200), &format!("{}b", "a".repeat(5000))));
    }
}
