//! The client of AWS, and what to do when it does not get what it asks for.

use std::sync::Arc;

use farmtally_deadline::{
    CallError, Client, ClientOptions, CredentialProvider, CredentialsError, Endpoint, Environment,
    Surroundings,
};

use crate::args::sync::SyncAwsArguments;
use crate::patience::Patience;
use crate::report_error::Failure;
use crate::talk::tell;

/// What the ids of our own access keys begin with.
const OUR_KEYS: &str = "FTAK";
/// What signatures name where no region matters, because another farmtally is asked.
const ANY_REGION: &str = "us-west-2";
/// What a key has to be allowed.
const ACTIONS: &str = "deadline:GetFarm, ListQueues, ListFleets, ListQueueFleetAssociations, ListJobs, ListSessions, \
                       GetSession and BatchGetSession";

/// A client for what the arguments name. Credentials are asked for once, so that what is wrong with them is told first.
pub(super) fn client(arguments: &SyncAwsArguments, patience: &Arc<Patience>) -> Result<Client, Failure> {
    let environment = Environment::of_process();
    let credentials = CredentialProvider::find(&environment, arguments.profile.as_deref())
        .map_err(|error| no_credentials(&error))?;
    refuse_to_ask_itself(arguments)?;
    let region = region(arguments, &credentials)?;
    let endpoint = arguments.endpoint.clone().unwrap_or_else(|| Endpoint::of_region(&region));
    let key = credentials.current(patience.now()).map_err(|error| no_credentials(&error))?;
    if key.access_key_id.starts_with(OUR_KEYS) && arguments.endpoint.is_none() {
        let place = credentials.described();
        return Err(Failure::usage(format!(
            "{place} has an access key of farmtally's, which AWS does not know"
        ))
        .hint("unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_PROFILE, or pass `--profile`"));
    }
    tell(format_args!("Copying {} from {endpoint} with {}.", arguments.farm, credentials.described()));
    let certificates = credentials.certificates().map(Into::into);
    let options = ClientOptions { endpoint, region, page_size: arguments.page_size, certificates };
    let patience: Arc<dyn Surroundings> = Arc::<Patience>::clone(patience);
    Client::new(options, credentials, patience).map_err(|error| Failure::of(&error))
}

fn region(arguments: &SyncAwsArguments, credentials: &CredentialProvider) -> Result<String, Failure> {
    let named = arguments.region.as_deref().or_else(|| credentials.region());
    let named = named.or_else(|| arguments.endpoint.is_some().then_some(ANY_REGION));
    named.map(str::to_owned).ok_or_else(|| {
        Failure::usage("neither the environment nor the profile names a region")
            .hint("pass `--region` with the farm's, such as us-west-2")
    })
}

/// A farm that is copied onto itself would never be anything but unchanged.
fn refuse_to_ask_itself(arguments: &SyncAwsArguments) -> Result<(), Failure> {
    let own = arguments.folder.published_endpoint().and_then(|text| Endpoint::parse(&text).ok());
    if own.is_some() && own == arguments.endpoint {
        return Err(Failure::usage("`--endpoint` is the server of this very folder"));
    }
    Ok(())
}

fn no_credentials(error: &CredentialsError) -> Failure {
    let failure = Failure::of(error);
    match error {
        CredentialsError::NoneFound | CredentialsError::UnknownProfile { .. } => failure.hint(
            "pass `--profile` with one of `aws configure list-profiles`, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        ),
        CredentialsError::NoAwsCli { .. } => failure.hint(
            "install version 2 of the AWS CLI, or let the profile's `credential_process` name another program that prints \
             credentials, or set the variables that `aws configure export-credentials --format env` prints elsewhere",
        ),
        CredentialsError::Failed { program, .. } => {
            failure.hint(format!("see what `{program}` says; `aws sso login` renews a single sign-on, and it takes version 2 of the AWS CLI"))
        }
        _ => failure,
    }
}

/// What a person can do about a call that failed.
pub(super) fn failed(error: &CallError) -> Failure {
    if let CallError::Credentials(error) = error {
        return no_credentials(error);
    }
    let failure = Failure::of(error);
    match (error, error.code()) {
        (_, Some("AccessDeniedException")) => failure.hint(format!("a key needs {ACTIONS} on the farm")),
        (_, Some("ResourceNotFoundException")) => {
            failure.hint("see whether the farm is in this region: `aws deadline list-farms`")
        }
        (_, Some("ExpiredTokenException" | "ExpiredToken")) => {
            failure.hint("the credentials expired and their source has no newer ones; sign in again")
        }
        (
            _,
            Some(
                "UnrecognizedClientException"
                | "InvalidSignatureException"
                | "InvalidClientTokenId"
                | "SignatureDoesNotMatch",
            ),
        ) => failure.hint("see whether the key is still valid and the clock of this machine is right"),
        (CallError::Unreachable { .. }, _) => {
            failure.hint("see whether `--region` is right, and whether a proxy (HTTPS_PROXY) is needed")
        }
        (CallError::Stopped { .. }, _) => stopped(),
        _ => failure,
    }
}

/// A copy that somebody stopped.
pub(super) fn stopped() -> Failure {
    Failure::failed("stopped before the end")
        .hint("what was stored stays; the same command goes on from there")
}
