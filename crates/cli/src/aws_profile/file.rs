//! The file itself: where it is, who may read it, and how it is replaced.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::sections::{MARK, replaced, sections};
use super::{Profile, ProfileName};
use crate::report_error::Failure;

/// A configuration file as it was read.
#[derive(Debug)]
pub(crate) struct AwsConfig {
    path: PathBuf,
    text: String,
}

impl AwsConfig {
    /// Reads the file that `AWS_CONFIG_FILE` names, or `~/.aws/config`; one that is not there is empty.
    pub(crate) fn read() -> Result<Self, Failure> {
        let path = located("AWS_CONFIG_FILE", "config")?;
        let text = text_of(&path)?;
        Ok(Self { path, text })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a profile of this name.
    pub(crate) fn has(&self, name: &ProfileName) -> bool {
        sections(&self.text).iter().any(|section| section.header == name.header())
    }

    /// A setting of a profile.
    pub(crate) fn setting(&self, name: &ProfileName, setting: &str) -> Option<String> {
        self.value(&name.header(), &[setting])
    }

    /// The endpoint that a profile has for Deadline Cloud, as the SDKs look for it.
    pub(crate) fn endpoint(&self, name: &ProfileName) -> Option<String> {
        let services = self.setting(name, "services");
        let own = services
            .and_then(|services| self.value(&format!("services {services}"), &["deadline", "endpoint_url"]));
        own.or_else(|| self.setting(name, "endpoint_url"))
    }

    fn value(&self, header: &str, path: &[&str]) -> Option<String> {
        let found = sections(&self.text);
        let section = found.iter().find(|section| section.header == header)?;
        section.value(path).map(str::to_owned)
    }

    /// Puts a profile into the file, in the place of an earlier one of ours.
    pub(crate) fn write(&self, name: &ProfileName, profile: &Profile<'_>) -> Result<(), Failure> {
        let headers = [name.header(), name.services_header()];
        self.refuse_others(&headers)?;
        refuse_credentials(name)?;
        let text = replaced(&self.text, &headers, &written(name, profile));
        replace_file(&self.path, &text)
            .map_err(|error| Failure::caused(format!("cannot write `{}`", self.path.display()), &error))
    }

    fn refuse_others(&self, headers: &[String]) -> Result<(), Failure> {
        let found = sections(&self.text);
        let others = found.iter().find(|section| headers.contains(&section.header) && !section.is_ours());
        let Some(section) = others else { return Ok(()) };
        Err(Failure::failed(format!(
            "`{}` has a section `[{}]` that farmtally did not write",
            self.path.display(),
            section.header
        ))
        .hint("pass another name, such as `--write-profile farmtally-2`"))
    }
}

/// A key in the credentials file would go before the one in the profile, and nobody would see why it is refused.
fn refuse_credentials(name: &ProfileName) -> Result<(), Failure> {
    let path = located("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let text = text_of(&path)?;
    if sections(&text).iter().all(|section| section.header != name.to_string()) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "`{}` has a key for a profile `{name}`, which would go first",
        path.display()
    ))
    .hint("pass another name, such as `--write-profile farmtally-2`"))
}

fn written(name: &ProfileName, profile: &Profile<'_>) -> String {
    let Profile { credential, region, endpoint } = profile;
    let (access_key_id, secret) = (&credential.caller.access_key_id, credential.secret.expose());
    format!(
        "[{}]\n{MARK}\nregion = {region}\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret}\n\
         services = {name}\ndisable_host_prefix_injection = true\n\n[{}]\n{MARK}\ndeadline =\n  endpoint_url = {endpoint}\n",
        name.header(),
        name.services_header()
    )
}

fn located(variable: &str, file: &str) -> Result<PathBuf, Failure> {
    let of = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = of(variable).or_else(|| of("HOME").map(|home| home.join(".aws").join(file)));
    path.ok_or_else(|| {
        Failure::failed(format!("there is neither {variable} nor HOME to look for the file `{file}` in"))
            .hint(format!("set {variable}"))
    })
}

fn text_of(path: &Path) -> Result<String, Failure> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Failure::caused(format!("cannot read `{}`", path.display()), &error)),
    }
}

/// Replaces the file that a path leads to: a link of somebody's dotfiles stays a link.
fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let path = match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        found => found?,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    // There is a secret in it from now on, so that a new file is for its owner alone.
    let mode = match path.metadata() {
        // AWS_CONFIG_FILE=/dev/null is how a configuration is switched off; renaming over it would be a disaster.
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(_) => 0o600,
    };
    let mut beside = path.clone().into_os_string();
    beside.push(".farmtally-new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&beside, &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_never_replaced() {
        let place = tempfile::tempdir().unwrap();
        let error = replace_file(place.path(), "[x]\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(place.path().is_dir());
        replace_file(&place.path().join("new/config"), "[x]\n").unwrap();
        assert_eq!(fs::read_to_string(place.path().join("new/config")).unwrap(), "[x]\n");
    }
}
