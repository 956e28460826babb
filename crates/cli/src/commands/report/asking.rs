//! Who answers: the server that has the folder, or one of our own for as long as it takes.
//!
//! Both are asked over HTTP with the owner's key, so that the same question has the same answer, to the byte, whoever
//! asked and however. A server of our own costs some milliseconds and one port of the loopback interface.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use farmtally_model::FarmId;
use farmtally_model::question::QuestionError;
use farmtally_server::{Server, ServerOptions};
use farmtally_service::{Catalogue, FolderError, OpenError, Service, ServiceLimits, SystemClock};
use farmtally_wire::native::{Answer, Problem, Query};
use tokio::runtime::Runtime;

use super::question::{not_understood, query_string};
use crate::connection::{Connection, ConnectionError};
use crate::data_folder::{DataFolder, owner_credential};
use crate::hosting::LOOPBACK;
use crate::region;
use crate::report_error::Failure;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 2 << 30;

/// The HTTP status of a question that cannot be answered as it is.
const BAD_REQUEST: u16 = 400;
/// The HTTP status of a server with an internal problem.
const INTERNAL_SERVER_ERROR: u16 = 500;

/// Where answers come from.
pub(super) struct Source {
    connection: Connection,
    /// What runs our own server, if there is one; it ends with this.
    own: Option<Runtime>,
}

impl Source {
    /// The folder's server, or one of our own.
    pub(super) fn open(folder: &DataFolder, catalogue: &Catalogue) -> Result<Self, Failure> {
        let (endpoint, runtime) = match folder
            .service(Arc::new(SystemClock::default()), ServiceLimits::default())
        {
            Ok(service) => serve(service).map(|(endpoint, runtime)| (endpoint, Some(runtime)))?,
            Err(OpenError::Folder(in_use @ FolderError::InUse { .. })) => (published(folder, &in_use)?, None),
            Err(error) => return Err(error.into()),
        };
        let credential = owner_credential(catalogue)?;
        let connection = Connection::new(&endpoint, region::for_signing(catalogue)?, &credential);
        Ok(Self { connection, own: runtime })
    }

    /// The answer in one of the forms of the API.
    pub(super) fn bytes(&self, farm_id: FarmId, query: &Query, form: &str) -> Result<Vec<u8>, Failure> {
        self.ask(farm_id, query, &format!("format={form}"))
    }

    /// The question as a text for another tool, which names this folder.
    pub(super) fn text(
        &self,
        farm_id: FarmId,
        query: &Query,
        tool: &str,
        folder: &Path,
    ) -> Result<String, Failure> {
        let parameters =
            query_string(&[("format", tool.to_owned()), ("folder", folder.to_string_lossy().into_owned())]);
        let text = self.ask(farm_id, query, &parameters)?;
        String::from_utf8(text).map_err(|error| Failure::of(&error))
    }

    fn ask(&self, farm_id: FarmId, query: &Query, parameters: &str) -> Result<Vec<u8>, Failure> {
        let path = format!("/api/v1/farms/{farm_id}/query?{parameters}");
        let body = serde_json::to_vec(query).map_err(|error| Failure::of(&error))?;
        let asked = self.connection.post_for_bytes(&path, "application/json", &body, ANSWER_BYTES_MAX);
        asked.map_err(|error| self.refused(error))
    }

    /// What the server says about a member of the question is said about the flag.
    fn refused(&self, error: ConnectionError) -> Failure {
        match error {
            ConnectionError::Refused { problem: Some(problem), .. } if problem.field.is_some() => {
                not_understood(&question_error(&problem))
            }
            ConnectionError::Refused { status: INTERNAL_SERVER_ERROR, .. } if self.own.is_some() => {
                Failure::failed("the folder's records could not be read")
                    .hint("`farmtally verify` says what is damaged, and what to do")
            }
            ConnectionError::Refused { problem: Some(problem), status, .. } => {
                let is_question = status == BAD_REQUEST;
                let failure = if is_question {
                    Failure::usage(problem.message)
                } else {
                    Failure::failed(problem.message)
                };
                match problem.hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            error => Failure::of(&error),
        }
    }

    /// The answer to look into.
    pub(super) fn read(&self, json: &[u8]) -> Result<Answer, Failure> {
        serde_json::from_slice(json).map_err(|error| Failure::caused(self.connection.unreadable(), &error))
    }
}

/// Starts a server that nobody but us knows of.
fn serve(service: Arc<Service>) -> Result<(String, Runtime), Failure> {
    let runtime = Runtime::new().map_err(|error| Failure::caused("cannot start threads", &error))?;
    let bound = runtime.block_on(Server::bind(service, ServerOptions::new(LOOPBACK)));
    let server = bound.map_err(|error| Failure::of(&error))?;
    let endpoint = format!("http://{}", server.local_addr());
    runtime.spawn(server.run(pending()));
    Ok((endpoint, runtime))
}

fn published(folder: &DataFolder, in_use: &FolderError) -> Result<String, Failure> {
    folder.published_endpoint().ok_or_else(|| {
        Failure::of(in_use).hint("it is an import, or a server that is not ready yet; try again in a moment")
    })
}

/// The parts of the server's sentence.
fn question_error(problem: &Problem) -> QuestionError {
    let field = problem.field.clone().unwrap_or_default();
    let before = match &problem.value {
        Some(value) => format!("{field} {value:?}: "),
        None => format!("{field}: "),
    };
    let sentence = problem.message.strip_prefix(&before).unwrap_or(&problem.message);
    let behind = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let message = sentence.strip_suffix(&behind).unwrap_or(sentence).to_owned();
    QuestionError { field, value: problem.value.clone(), message, hint: problem.hint.clone() }
}
