//! `demo`: a sample farm, served on this machine, with everything that there is to paste.

mod clean;
mod sample;
mod to_paste;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use farmtally_server::ServerOptions;
use farmtally_service::{Catalogue, Service, ServiceLimits, SystemClock};

use self::sample::Sample;
use self::to_paste::Question;
use crate::args::{DemoArguments, LISTEN_DEFAULT};
use crate::commands::env::ClientEnvironment;
use crate::data_folder::DataFolder;
use crate::hosting::{Host, Listen, check_port};
use crate::output::print;
use crate::page_token::new_page_token;
use crate::region;
use crate::report_error::Failure;
use crate::shell::program;
use crate::talk::tell;

/// Makes the farm if it is not there, and serves it until it is told to stop.
pub(crate) fn run(arguments: DemoArguments) -> Result<(), Failure> {
    let started = Instant::now();
    let folder = DataFolder::at(arguments.data_dir.map_or_else(usual_folder, Ok)?);
    if arguments.clean {
        return clean::remove(&folder);
    }
    refuse_others_farms(&folder)?;
    if let (Some(listen), false) = (arguments.listen, folder.exists()?) {
        check_port(listen)?;
    }
    let service = folder.service(Arc::new(SystemClock::default()), ServiceLimits::default())?;
    let catalogue = folder.catalogue()?;
    region::remember(&catalogue, None)?;
    let sample = Sample::prepare(&service, &catalogue)?;
    // Whoever asks the Parquet files, as a copied DuckDB question does, finds what the page shows.
    service.seal(sample.farm.farm_id)?;
    let listen = arguments.listen.map_or(Listen::FreeFrom(LISTEN_DEFAULT), Listen::At);
    let page_token = new_page_token()?;
    let options =
        ServerOptions { page_token: Some(page_token.clone()), ..ServerOptions::new(LISTEN_DEFAULT) };
    let host = Host::bind(Arc::clone(&service), listen, &options)?;
    if arguments.listen.is_none() && host.address() != LISTEN_DEFAULT {
        tell(format_args!("{LISTEN_DEFAULT} is in use; the demonstration listens on {}.", host.address()));
    }
    let page = format!("{}/?token={page_token}", host.endpoint());
    let environment = ClientEnvironment::of_owner(&catalogue, host.endpoint())?;
    let introduction = introduction(&service, &catalogue, &sample, started.elapsed())?;
    let question = Question::about(&catalogue, &sample)?;
    let next = next_steps(&sample, &folder);
    // The host is the last to have it, and closes it.
    drop(service);
    host.run(|| {
        print(format_args!(
            "{introduction}\n  Page      {page}\n{next}\n\nPaste into another terminal:\n\n{environment}\n\n{question}\n\
             Stop with Ctrl-C. Remove everything: {} demo {} --clean",
            program(),
            folder.as_flag()
        ))
    })
}

/// A folder in earnest use gets no invented records, and no server of the demonstration.
fn refuse_others_farms(folder: &DataFolder) -> Result<(), Failure> {
    if !folder.exists()? || sample::may_live_in(&folder.catalogue()?)? {
        return Ok(());
    }
    Err(Failure::failed(format!("`{}` holds farms that demo did not make", folder.path().display()))
        .hint("pass another `--data-dir`, or leave it out"))
}

/// Where the records of the reader's own go: beside those of the demonstration, a report would have to be told of which farm, and
/// nothing could be cleaned away.
const OWN_FOLDER: &str = "my-farm";

/// What to do in the next minutes: look around, find the day that went wrong, ask as AWS is asked, bring data of one's own.
fn next_steps(sample: &Sample, folder: &DataFolder) -> String {
    let (program, folder) = (program(), folder.as_flag());
    let day = sample.failing_day();
    format!(
        "  Report    {program} report {folder} --by user --last 30d --chart\n  \
         Find out  why {day} cost so much: {program} report {folder} --in {day} --by queue,user,outcome --chart\n  \
         Clients   eval \"$({program} env {folder})\"\n  \
         Own data  {program} import --suggest-mapping FILE >mapping.toml\n            \
         {program} import --data-dir {OWN_FOLDER} --farm NAME --mapping mapping.toml FILE\n            \
         {program} report --data-dir {OWN_FOLDER} --by user --chart"
    )
}

/// What there is, and how long it took.
fn introduction(
    service: &Service,
    catalogue: &Catalogue,
    sample: &Sample,
    took: Duration,
) -> Result<String, Failure> {
    let farm_id = sample.farm.farm_id;
    let records = service.record_count(farm_id)?;
    let queues = catalogue.queues(farm_id, None, usize::MAX)?.len();
    let fleets = catalogue.fleets(farm_id, None, usize::MAX)?.len();
    let users = catalogue.users(farm_id)?.len();
    let (version, name, seconds) = (env!("CARGO_PKG_VERSION"), &sample.farm.display_name, took.as_secs_f32());
    Ok(format!(
        "farmtally {version}: {name} is ready after {seconds:.1} s\n  \
         Content   {records} sessions and volumes, {queues} queues, {fleets} fleets, {users} users\n  \
         Made      {}",
        sample.origin()
    ))
}

/// `farmtally/demo` where the system keeps the data of programs.
fn usual_folder() -> Result<PathBuf, Failure> {
    let folder = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("farmtally/demo")).ok_or_else(|| {
        Failure::usage("there is neither XDG_DATA_HOME nor HOME to put the demonstration in")
            .hint("pass `--data-dir`")
    })
}
