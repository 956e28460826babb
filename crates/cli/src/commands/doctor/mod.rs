//! `doctor`: what stands between somebody and an answer, and the line that mends it.
//!
//! It looks and changes nothing: no folder is made, no key, and no file is written.

mod client;
mod finding;
mod folder;
mod names;
mod server;

use crate::args::DoctorArguments;
use crate::data_folder::DataFolder;
use crate::exit::ExitStatus;
use crate::output::print;
use crate::report_error::Failure;

use self::client::Client;
use self::finding::{Finding, Verdict};

/// Looks at everything that was asked for, and prints what it found.
pub(crate) fn run(arguments: &DoctorArguments) -> Result<ExitStatus, Failure> {
    let folder = arguments.data_dir.clone().map(DataFolder::at);
    let findings = if arguments.quick {
        quick(arguments, folder.as_ref())
    } else {
        thorough(arguments, folder.as_ref())
    };
    findings.iter().try_for_each(print)?;
    let is_wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    Ok(if is_wrong { ExitStatus::Failed } else { ExitStatus::Success })
}

/// What a health check asks again and again.
fn quick(arguments: &DoctorArguments, folder: Option<&DataFolder>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = folder.map(folder::room).into_iter().collect();
    let published = || folder.and_then(DataFolder::published_endpoint);
    match arguments.endpoint.clone().or_else(published) {
        Some(endpoint) => findings.extend(server::look(&endpoint)),
        None => findings.push(Finding::wrong("no server has the folder", serve_line(folder))),
    }
    findings
}

fn thorough(arguments: &DoctorArguments, folder: Option<&DataFolder>) -> Vec<Finding> {
    let client = Client::of_this_shell();
    let mut findings = folder.map(folder::look).unwrap_or_default();
    let published = folder.and_then(DataFolder::published_endpoint);
    let is_unserved = folder.is_some() && published.is_none() && arguments.endpoint.is_none();
    let known = arguments.endpoint.clone().or(published).or_else(|| client.endpoint.clone());
    if let Some(endpoint) = &known {
        if is_unserved {
            let text = format!("no server has the folder, and {endpoint} has another one, if any");
            findings.push(Finding::wrong(text, serve_line(folder)));
        }
        findings.extend(server::look(endpoint));
    } else {
        findings.push(Finding::note("no server has the folder", serve_line(folder)));
        findings.push(server::port(arguments.listen));
    }
    // Clients may ask another server than the folder's.
    let asked = client.endpoint.clone().filter(|endpoint| Some(endpoint) != known.as_ref());
    findings.extend(asked.iter().flat_map(|endpoint| server::look(endpoint)));
    findings.extend(client.look(folder, arguments.endpoint.as_deref()));
    findings
}

fn serve_line(folder: Option<&DataFolder>) -> String {
    format!("farmtally serve {}", flag(folder))
}

/// The flag that names the folder, as a shell reads it.
fn flag(folder: Option<&DataFolder>) -> String {
    folder.map_or_else(|| "--data-dir DIR".to_owned(), DataFolder::as_flag)
}
