//! Credentials that were not found.

use std::path::PathBuf;

/// Why there is nothing to sign with. No text of a source is in here, because it may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// No place of the chain has any.
    #[error(
        "there are no AWS credentials in the environment, in a profile, in a container or on the instance"
    )]
    NoneFound,
    /// The named profile is in neither file.
    #[error("there is no profile `{profile}` in AWS's config and credentials files")]
    UnknownProfile {
        /// Its name.
        profile: String,
    },
    /// Half of a key pair.
    #[error("{place} has `{present}` but not `{missing}`")]
    HalfAKey {
        /// Where.
        place: String,
        /// What is there.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A file of AWS's tools cannot be read.
    #[error("cannot read `{path}`")]
    UnreadableFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A program that hands out credentials could not be run.
    #[error("cannot run `{program}` for credentials")]
    NotRun {
        /// The program.
        program: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The profile needs the AWS CLI, which is not here.
    #[error("{reason}, which the AWS CLI does, and there is no `aws` on the PATH")]
    NoAwsCli {
        /// What it is needed for.
        reason: String,
    },
    /// A program that hands out credentials failed.
    #[error("`{program}` gave no credentials: it ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
    },
    /// What was handed out are no credentials.
    #[error("{place} answered with something that is no credentials")]
    Unreadable {
        /// Who answered.
        place: String,
    },
    /// A service of the host did not hand out credentials.
    #[error("{place} gave no credentials: {reason}")]
    Refused {
        /// Who was asked.
        place: String,
        /// Why.
        reason: String,
    },
}
