//! The text of a configuration file as its sections, without changing a byte of those that are not ours.

use std::ops::Range;

/// The first line of a section that `farmtally env` wrote.
pub(super) const MARK: &str = "# Written by `farmtally env --write-profile`, which replaces this section.";

/// A section: where it stands, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// What is between the brackets, with single spaces and without quotes.
    pub(super) header: String,
    /// Its bytes in the text, from the bracket to its last setting; comments behind that belong to what follows.
    range: Range<usize>,
    body: &'a str,
}

impl Section<'_> {
    /// Whether we wrote it.
    pub(super) fn is_ours(&self) -> bool {
        self.body.lines().any(|line| line == MARK)
    }

    /// The value of a setting, or of a setting inside of another, such as `["deadline", "endpoint_url"]`.
    pub(super) fn value(&self, path: &[&str]) -> Option<&str> {
        let (name, within) = path.split_last()?;
        let mut parent = None;
        for line in self.body.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
            let Some((key, value)) = line.split_once('=') else { continue };
            let is_inner = line.starts_with([' ', '\t']);
            let is_meant = if is_inner { within.first().copied() == parent } else { within.is_empty() };
            if is_meant && key.trim() == *name {
                return Some(value.trim());
            }
            if !is_inner {
                parent = Some(key.trim());
            }
        }
        None
    }
}

/// The sections of a text, in its order.
pub(super) fn sections(text: &str) -> Vec<Section<'_>> {
    let mut found: Vec<Section<'_>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if let Some(header) = header(line) {
            found.push(Section { header, range: at..end, body: "" });
        } else if let Some(open) = found.last_mut().filter(|_| is_setting(line) || line.trim_end() == MARK) {
            open.range.end = end;
        }
        at = end;
    }
    for section in &mut found {
        section.body = &text[section.range.clone()];
    }
    found
}

/// The text without the sections of these headers, and with `added` at its end.
pub(super) fn replaced(text: &str, headers: &[String], added: &str) -> String {
    let mut kept = String::with_capacity(text.len() + added.len() + 2);
    let mut at = 0;
    for section in sections(text).iter().filter(|section| headers.contains(&section.header)) {
        kept.push_str(&text[at..section.range.start]);
        at = section.range.end;
    }
    kept.push_str(&text[at..]);
    let mut kept = if kept.trim().is_empty() { String::new() } else { kept };
    if !kept.is_empty() {
        let ended = kept.trim_end_matches('\n').len();
        kept.truncate(ended);
        kept.push_str("\n\n");
    }
    kept.push_str(added);
    kept
}

fn header(line: &str) -> Option<String> {
    let inside = line.strip_prefix('[')?.split_once(']')?.0;
    let words: Vec<&str> = inside.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
    Some(words.join(" "))
}

fn is_setting(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with(['#', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# of mine\n[default]\nregion = eu-west-1\n\n[profile  \"studio\"]\nsso_session=x\n# before the next\n\
                        [services farmtally]\n# Written by `farmtally env --write-profile`, which replaces this section.\n\
                        deadline =\n  endpoint_url = http://127.0.0.1:1\n; behind\n[sso-session x]\nsso_region = us-east-1";

    #[test]
    fn sections_are_found_with_their_settings() {
        let found = sections(TEXT);
        let headers: Vec<&str> = found.iter().map(|section| section.header.as_str()).collect();
        assert_eq!(headers, ["default", "profile studio", "services farmtally", "sso-session x"]);
        assert_eq!(found[0].value(&["region"]), Some("eu-west-1"));
        assert_eq!(found[2].value(&["deadline", "endpoint_url"]), Some("http://127.0.0.1:1"));
        assert_eq!(found[2].value(&["endpoint_url"]), None);
        assert_eq!(found[2].value(&["s3", "endpoint_url"]), None);
        assert_eq!(found.iter().map(Section::is_ours).collect::<Vec<_>>(), [false, false, true, false]);
    }

    #[test]
    fn everything_but_the_replaced_section_stays() {
        let text = replaced(TEXT, &["services farmtally".to_owned()], "[new]\na = 1\n");
        assert_eq!(
            text,
            "# of mine\n[default]\nregion = eu-west-1\n\n[profile  \"studio\"]\nsso_session=x\n# before the next\n\
             ; behind\n[sso-session x]\nsso_region = us-east-1\n\n[new]\na = 1\n"
        );
    }

    #[test]
    fn a_section_written_twice_stands_there_once() {
        let ours = format!("[a]\n{MARK}\nx = 1\n");
        let once = replaced("", &["a".to_owned()], &ours);
        assert_eq!(once, ours);
        assert_eq!(replaced(&once, &["a".to_owned()], &ours), ours);
    }
}
