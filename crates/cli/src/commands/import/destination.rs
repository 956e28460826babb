//! Where an import goes: into the folder, through the server that has it, or nowhere.

use std::sync::Arc;

use farmtally_ingest::RateCard;
use farmtally_model::{FarmId, Timestamp};
use farmtally_service::{
    Catalogue, Clock, Farm, FolderError, NumberedSubmission, OpenError, Service, ServiceLimits, SystemClock,
};

use super::batch::{BatchOutcome, RefusedRecord};
use super::dry_run::DryRun;
use super::through_server::ThroughServer;
use crate::args::ImportArguments;
use crate::commands::rates::read_rate_card;
use crate::connection::Connection;
use crate::data_folder::{DataFolder, owner_credential};
use crate::farm_reference::FarmReference;
use crate::region;
use crate::report_error::Failure;
use crate::talk::tell;

/// Most records of a batch into the folder. So many are written straight into segments, each of which is worth its files
/// also when the batch has records of several months.
const FOLDER_BATCH: usize = 262_144;
/// Most records of a batch through a server, which answers others meanwhile.
const SERVER_BATCH: usize = 1_000;

/// Where the records go.
pub(in crate::commands) struct Destination(Way);

enum Way {
    /// Into the folder, which is ours.
    Folder { service: Arc<Service>, farm_id: FarmId },
    /// To the server that has the folder.
    Server(ThroughServer),
    /// Nowhere.
    Nowhere(Box<DryRun>),
}

impl Destination {
    /// Most records of a batch before it is known where they go.
    pub(super) const FIRST_BATCH: usize = SERVER_BATCH;

    /// Opens what the arguments name. Without `--dry-run` the farm exists from here on, and has its new rates unless that was
    /// done by an earlier pass of the same import.
    pub(super) fn open(arguments: &ImportArguments, is_again: bool) -> Result<Self, Failure> {
        let rates = arguments.rates.as_deref().filter(|_| !is_again);
        let new_rates = rates.map(read_rate_card).transpose()?;
        if arguments.dry_run {
            let card = new_rates.map(|(_, card)| card);
            tell_of_new_farm(&arguments.folder, &arguments.farm)?;
            return Self::nowhere(&arguments.folder, &arguments.farm, card);
        }
        let catalogue = arguments.folder.catalogue()?;
        let farm_id = prepare_farm(arguments, &catalogue, new_rates.as_ref().map(|(text, _)| text.as_str()))?;
        Self::of_farm(&arguments.folder, &catalogue, farm_id)
    }

    /// Opens the way to a farm that is there: the folder, or the server that has it.
    pub(in crate::commands) fn of_farm(
        folder: &DataFolder,
        catalogue: &Catalogue,
        farm_id: FarmId,
    ) -> Result<Self, Failure> {
        match folder.service(Arc::new(SystemClock::default()), ServiceLimits::default()) {
            Ok(service) => Ok(Self(Way::Folder { service, farm_id })),
            Err(OpenError::Folder(in_use @ FolderError::InUse { .. })) => {
                through_server(folder, catalogue, farm_id, &in_use).map(|server| Self(Way::Server(server)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A way that prices and stores nothing, with new rates or those of the farm, if the folder and the farm are there.
    pub(in crate::commands) fn nowhere(
        folder: &DataFolder,
        farm: &FarmReference,
        new_rates: Option<RateCard>,
    ) -> Result<Self, Failure> {
        let catalogue = folder.exists()?.then(|| folder.catalogue()).transpose()?;
        DryRun::new(catalogue.as_ref(), farm, new_rates).map(|dry_run| Self(Way::Nowhere(Box::new(dry_run))))
    }

    /// Most records of a batch unless somebody says otherwise.
    pub(super) const fn usual_batch(&self) -> usize {
        match &self.0 {
            Way::Folder { .. } | Way::Nowhere(_) => FOLDER_BATCH,
            Way::Server(_) => SERVER_BATCH,
        }
    }

    /// Stores a batch, all of it or nothing, and says what became of each record.
    pub(in crate::commands) fn store(&self, batch: Vec<NumberedSubmission>) -> Result<BatchOutcome, Failure> {
        let outcome = match &self.0 {
            Way::Folder { service, farm_id } => into_folder(service, *farm_id, batch),
            Way::Server(server) => server.send(&batch),
            Way::Nowhere(dry_run) => return Ok(dry_run.price(batch)),
        };
        outcome.map_err(|failure| failure.hint("what was stored stays; the same command goes on from there"))
    }
}

fn prepare_farm(
    arguments: &ImportArguments,
    catalogue: &Catalogue,
    new_rates: Option<&str>,
) -> Result<FarmId, Failure> {
    let now = SystemClock::default().now();
    let farm =
        arguments.farm.find(catalogue)?.map_or_else(|| make_farm(&arguments.farm, catalogue, now), Ok)?;
    if let Some(text) = new_rates {
        catalogue.set_rate_card(farm.farm_id, text, now)?;
    }
    Ok(farm.farm_id)
}

/// A farm that is made by an import may be one whose name is misspelt.
fn tell_of_new_farm(folder: &DataFolder, reference: &FarmReference) -> Result<(), Failure> {
    let catalogue = folder.exists()?.then(|| folder.catalogue()).transpose()?;
    let known = catalogue.as_ref().map(|catalogue| reference.find(catalogue)).transpose()?.flatten();
    if known.is_none() {
        tell(format_args!("There is no farm `{reference}` yet; the import would make it."));
    }
    Ok(())
}

fn make_farm(reference: &FarmReference, catalogue: &Catalogue, now: Timestamp) -> Result<Farm, Failure> {
    let farm = reference.create(catalogue, now)?;
    tell(format_args!("Made the farm `{reference}` with the id {}.", farm.farm_id));
    Ok(farm)
}

fn through_server(
    folder: &DataFolder,
    catalogue: &Catalogue,
    farm_id: FarmId,
    in_use: &FolderError,
) -> Result<ThroughServer, Failure> {
    let Some(endpoint) = folder.published_endpoint() else {
        return Err(Failure::of(in_use)
            .hint("it is another import, or a server that is not ready yet; try again in a moment"));
    };
    let connection =
        Connection::new(&endpoint, region::for_signing(catalogue)?, &owner_credential(catalogue)?);
    Ok(ThroughServer::new(connection, farm_id))
}

fn into_folder(
    service: &Service,
    farm_id: FarmId,
    batch: Vec<NumberedSubmission>,
) -> Result<BatchOutcome, Failure> {
    let report = service.store_batch(farm_id, batch)?;
    let refused = report.refused.into_iter();
    Ok(BatchOutcome {
        stored: report.stored,
        replaced: report.replaced,
        unchanged: report.unchanged,
        unpriced: report.unpriced,
        refused: refused
            .map(|refused| RefusedRecord::of(refused.line, refused.record_id, refused.message))
            .collect(),
    })
}
