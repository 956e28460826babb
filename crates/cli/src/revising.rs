//! Other costs for stored records, into the folder or through the server that has it.

use std::sync::Arc;

use farmtally_model::FarmId;
use farmtally_service::{
    Amended, Catalogue, FolderError, NumberedAmended, OpenError, Service, ServiceLimits, SystemClock,
};
use serde_json::Value;

use crate::connection::Connection;
use crate::counted::counted;
use crate::data_folder::{DataFolder, owner_credential};
use crate::exit::ExitStatus;
use crate::region;
use crate::report_error::Failure;
use crate::submission_lines::amended_line;
use crate::talk::tell;

/// Records of a batch, which is one durable commit.
const BATCH: usize = 1000;
/// Most bytes of one request; the server takes 8 MiB.
const BODY_BYTES_MAX: usize = 7 << 20;

/// What became of the records.
#[derive(Debug, Default)]
pub(crate) struct Revised {
    /// Records that have their new cost.
    pub(crate) replaced: u64,
    /// Records that changed meanwhile, with the reason of the first few.
    pub(crate) refused: u64,
    pub(crate) reasons: Vec<String>,
}

/// Reasons that are worth reading.
const REASONS_MAX: usize = 3;

/// Takes records with other costs in, batch by batch.
pub(crate) struct Revising {
    destination: Destination,
    farm_id: FarmId,
    batch: Vec<Amended>,
    revised: Revised,
    /// The first batch that was not stored ends it all.
    failure: Option<Failure>,
}

enum Destination {
    Folder(Arc<Service>),
    Server(Connection),
}

impl Revising {
    pub(crate) fn open(folder: &DataFolder, catalogue: &Catalogue, farm_id: FarmId) -> Result<Self, Failure> {
        let destination = match folder.service(Arc::new(SystemClock::default()), ServiceLimits::default()) {
            Ok(service) => Destination::Folder(service),
            Err(OpenError::Folder(in_use @ FolderError::InUse { .. })) => {
                let Some(endpoint) = folder.published_endpoint() else { return Err(in_use.into()) };
                let region = region::for_signing(catalogue)?;
                Destination::Server(Connection::new(&endpoint, region, &owner_credential(catalogue)?))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { destination, farm_id, batch: Vec::new(), revised: Revised::default(), failure: None })
    }

    /// Takes one record.
    pub(crate) fn revise(&mut self, amended: Amended) {
        if self.failure.is_none() {
            self.batch.push(amended);
            if self.batch.len() >= BATCH {
                self.store();
            }
        }
    }

    /// Stores what is left, and says what became of all.
    pub(crate) fn finish(mut self) -> Result<Revised, Failure> {
        self.store();
        match self.failure {
            None => Ok(self.revised),
            Some(failure) => Err(failure
                .hint(format!("{}; the same command goes on from there", new_costs(self.revised.replaced)))),
        }
    }

    fn store(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() || self.failure.is_some() {
            return;
        }
        let stored = match &self.destination {
            Destination::Folder(service) => into_folder(service, self.farm_id, batch, &mut self.revised),
            Destination::Server(server) => through_server(server, self.farm_id, &batch, &mut self.revised),
        };
        self.failure = stored.err();
    }
}

impl Revised {
    /// Tells the numbers; a refusal makes it a failure.
    pub(crate) fn tell(&self) -> Result<ExitStatus, Failure> {
        tell(format_args!("{}.", new_costs(self.replaced)));
        if self.refused == 0 {
            return Ok(ExitStatus::Success);
        }
        let were = if self.refused == 1 { "was" } else { "were" };
        let failure = Failure::failed(format!("{} {were} not changed", counted(self.refused, "record")));
        let reasons = self.reasons.iter().fold(failure, |failure, reason| failure.hint(reason.as_str()));
        Err(reasons.hint("the same command tries again"))
    }

    fn refuse(&mut self, reason: &str) {
        self.refused += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason.to_owned());
        }
    }
}

fn new_costs(records: u64) -> String {
    let have = if records == 1 { "has its" } else { "have their" };
    format!("{} {have} new cost", counted(records, "record"))
}

fn into_folder(
    service: &Service,
    farm_id: FarmId,
    batch: Vec<Amended>,
    revised: &mut Revised,
) -> Result<(), Failure> {
    let numbered = (1..).zip(batch).map(|(line, amended)| NumberedAmended { line, amended });
    let report = service.store_amended(farm_id, numbered.collect())?;
    revised.replaced += report.replaced;
    report.refused.iter().for_each(|refused| revised.refuse(&refused.message));
    Ok(())
}

fn through_server(
    server: &Connection,
    farm_id: FarmId,
    batch: &[Amended],
    revised: &mut Revised,
) -> Result<(), Failure> {
    let path = format!("/api/v1/farms/{farm_id}/costs");
    let mut body = String::new();
    for amended in batch {
        let line = amended_line(amended);
        if !body.is_empty() && body.len() + line.len() >= BODY_BYTES_MAX {
            send(server, &path, &std::mem::take(&mut body), revised)?;
        }
        body.push_str(&line);
        body.push('\n');
    }
    send(server, &path, &body, revised)
}

fn send(server: &Connection, path: &str, body: &str, revised: &mut Revised) -> Result<(), Failure> {
    let answer =
        server.post(path, "application/x-ndjson", body.as_bytes()).map_err(|error| Failure::of(&error))?;
    let Some(replaced) = answer.get("replaced").and_then(Value::as_u64) else {
        return Err(Failure::of(&server.unreadable()));
    };
    revised.replaced += replaced;
    let refused = answer.get("refused").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for refusal in refused {
        revised.refuse(refusal.get("message").and_then(Value::as_str).unwrap_or("(no reason)"));
    }
    Ok(())
}
