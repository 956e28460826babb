//! The data folder as the command line sees it: named by a flag, made only by the commands that fill it.
//!
//! The catalogue can be opened beside a running server, the sessions cannot. Opening a catalogue creates it, so that a
//! mistyped path would become a folder with a fresh key; commands that only look must ask [`DataFolder::existing`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use farmtally_service::{
    Catalogue, Clock, Credential, Distributed, KeyAdministration, OpenError, Service, ServiceLimits,
    SystemClock, published_endpoint,
};

use crate::report_error::Failure;
use crate::shell::quoted;

/// The files by which a data folder is known: its database, or what says where the shared one is, or sessions that have lost
/// theirs (see `docs/format.md`).
const SIGNS: [&str; 3] = ["catalogue.sqlite", "shared", "sessions"];

/// The flag that names the folder, and the variable that does when the flag is left out.
pub(crate) const FLAG: &str = "--data-dir";
pub(crate) const VARIABLE: &str = "FARMTALLY_DATA_DIR";

/// Where everything is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataFolder {
    /// Folder in which everything is kept
    #[arg(long = "data-dir", value_name = "DIR", env = VARIABLE)]
    path: PathBuf,
}

impl DataFolder {
    /// The folder at a path.
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The flag that names it, as a shell reads it.
    pub(crate) fn as_flag(&self) -> String {
        format!("{FLAG} {}", quoted(&self.path.to_string_lossy()))
    }

    /// Whether there is anything in it; not being allowed to look is an error.
    pub(crate) fn exists(&self) -> Result<bool, Failure> {
        let look = |found: bool, sign| Ok(found || self.path.join(sign).try_exists()?);
        let found: std::io::Result<bool> = SIGNS.into_iter().try_fold(false, look);
        found.map_err(|error| Failure::caused(format!("cannot open `{}`", self.path.display()), &error))
    }

    /// The catalogue, made if it is not there.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, Failure> {
        Ok(Catalogue::open(&self.path)?)
    }

    /// The catalogue, which must be there.
    pub(crate) fn existing(&self) -> Result<Catalogue, Failure> {
        self.existing_or(&format!(
            "`farmtally import`, `farmtally farm create`, `farmtally serve` and `farmtally demo` make a data \
             folder; another one is named by `{FLAG}` or by the variable {VARIABLE}"
        ))
    }

    /// The catalogue, which must be there, or what to do about it.
    pub(crate) fn existing_or(&self, hint: &str) -> Result<Catalogue, Failure> {
        if self.exists()? {
            return self.catalogue();
        }
        Err(Failure::failed(format!("there is no farmtally data in `{}`", self.path.display())).hint(hint))
    }

    /// The whole folder, for this process alone, made if it is not there.
    pub(crate) fn service(
        &self,
        clock: Arc<dyn Clock>,
        limits: ServiceLimits,
    ) -> Result<Arc<Service>, OpenError> {
        Service::open(&self.path, clock, limits)
    }

    /// The same, with an engine on other machines for large questions.
    pub(crate) fn service_with_engine(
        &self,
        clock: Arc<dyn Clock>,
        limits: ServiceLimits,
        distributed: Option<Distributed>,
    ) -> Result<Arc<Service>, OpenError> {
        Service::open_with_engine(&self.path, clock, limits, distributed)
    }

    /// The base URL of the server that has the folder, as that server published it.
    pub(crate) fn published_endpoint(&self) -> Option<String> {
        published_endpoint(&self.path)
    }
}

/// The key that belongs to whoever owns the folder, made if there is none.
pub(crate) fn owner_credential(catalogue: &Catalogue) -> Result<Credential, Failure> {
    Ok(KeyAdministration::new(catalogue).default_admin(SystemClock::default().now())?)
}
