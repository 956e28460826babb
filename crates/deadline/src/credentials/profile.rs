//! Profiles, from the two files that AWS's own tools share.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use super::error::CredentialsError;
use crate::environment::Environment;

const DEFAULT: &str = "default";

/// A profile: the settings of both files, those of the credentials file first.
#[derive(Clone)]
pub(super) struct Profile {
    name: String,
    credentials: HashMap<String, String>,
    config: HashMap<String, String>,
}

impl Profile {
    /// The profile of this name, or the one that the environment names, or the default one if there is one.
    pub(super) fn find(
        environment: &Environment,
        named: Option<&str>,
    ) -> Result<Option<Self>, CredentialsError> {
        let said = named
            .or_else(|| environment.get("AWS_PROFILE"))
            .or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
        let name = said.unwrap_or(DEFAULT);
        let read = |variable, file, sections: &[String]| match environment.aws_file(variable, file) {
            Some(path) => section(&path, sections),
            None => Ok(None),
        };
        let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "credentials", &[name.to_owned()])?;
        let mut sections = vec![format!("profile {name}")];
        sections.extend((name == DEFAULT).then(|| DEFAULT.to_owned()));
        let config = read("AWS_CONFIG_FILE", "config", &sections)?;
        match (credentials, config) {
            (None, None) if said.is_some() => {
                Err(CredentialsError::UnknownProfile { profile: name.to_owned() })
            }
            (None, None) => Ok(None),
            (credentials, config) => Ok(Some(Self {
                name: name.to_owned(),
                credentials: credentials.unwrap_or_default(),
                config: config.unwrap_or_default(),
            })),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A setting of either file.
    pub(super) fn get(&self, setting: &str) -> Option<&str> {
        self.of_credentials(setting).or_else(|| self.of_config(setting))
    }

    /// A setting of the credentials file.
    pub(super) fn of_credentials(&self, setting: &str) -> Option<&str> {
        self.credentials.get(setting).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A setting of the config file.
    pub(super) fn of_config(&self, setting: &str) -> Option<&str> {
        self.config.get(setting).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The settings of the sections with these names, if one is in the file; a file that is not there has none.
fn section(path: &Path, names: &[String]) -> Result<Option<HashMap<String, String>>, CredentialsError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(settings(&String::from_utf8_lossy(&bytes), names)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(CredentialsError::UnreadableFile { path: path.to_owned(), cause }),
    }
}

fn settings(text: &str, names: &[String]) -> Option<HashMap<String, String>> {
    let mut found: Option<HashMap<String, String>> = None;
    let mut is_inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            is_inside = names.contains(&name);
            if is_inside {
                found.get_or_insert_default();
            }
        // What is indented belongs to the setting above it, such as the `s3` of a profile.
        } else if is_inside
            && !line.starts_with([' ', '\t'])
            && let Some((name, value)) = trimmed.split_once('=')
        {
            let settings = found.get_or_insert_default();
            settings.insert(name.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_and_what_is_around_it_is_not() {
        let text = "\
            # comment\n[default]\nregion = eu-west-1\n\n[profile farm ]\nRegion=us-west-2\n; comment\ns3 =\n  \
            region = nested\n\tother = nested\nrole_arn = arn:aws:iam::1:role/x\n[profile farm2]\nregion = no\n";
        let settings = settings(text, &["profile farm".to_owned()]).unwrap();
        assert_eq!(settings.get("region").map(String::as_str), Some("us-west-2"));
        assert_eq!(settings.get("role_arn").map(String::as_str), Some("arn:aws:iam::1:role/x"));
        assert_eq!(settings.len(), 3);
    }

    #[test]
    fn an_absent_section_is_none_and_an_empty_one_is_there() {
        assert!(settings("[default]\n", &["profile x".to_owned()]).is_none());
        assert_eq!(settings("[profile x]\n", &["profile x".to_owned()]), Some(HashMap::new()));
    }
}
