//! What people call the members of a session, best name first.

use crate::column::Column;

/// Names for a member, in lower case and without what separates words.
pub(super) fn names(column: Column) -> impl Iterator<Item = &'static str> {
    let names = match column {
        Column::SessionId => {
            "sessionid session taskid frameid runid attemptid invocationid executionid id uuid guid"
        }
        Column::JobId => "jobid jobuuid batchid submissionid jobkey jobnumber",
        Column::JobName => "jobname job scene scenename batchname shotname shot name title file",
        Column::QueueName => {
            "queuename queue project projectname show production department dept partition pool \
             client account"
        }
        Column::FleetName => {
            "fleetname fleet farm cluster workergroup hostgroup group allocation alloc site region \
             provider pool"
        }
        Column::UserId => "userid user username artist owner submitter submittedby login author email",
        Column::WorkerId => {
            "workerid worker workername host hostname machine machinename node nodename blade slave \
             rendernode renderhost server computer instanceid"
        }
        Column::InstanceType => {
            "instancetype machinetype vmtype instance hardware hosttype nodetype workertype flavor \
             size tier"
        }
        Column::Outcome => "outcome status state result taskstatus jobstatus exitstatus",
        Column::StartedAt => {
            "startedat starttime start started startdate begin begintime startts tsstart renderstart \
             from timestart"
        }
        Column::EndedAt => {
            "endedat endtime end ended enddate finishedat finishtime finish finished stop stoptime \
             stopped stoppedat completedat completiontime completed endts tsend renderend to timeend"
        }
        Column::CostInUsd => "costinusd costusd cost totalcost usd price amount charge charges total",
        Column::LicenseProduct => {
            "licenseproduct license licence licenses licences licensename renderer software \
             application app plugin"
        }
        _ => "",
    };
    names.split_ascii_whitespace()
}

/// Names for a length of time, with the unit that each implies, if any.
pub(super) const RUNTIMES: [(&str, Option<&str>); 24] = [
    ("runtimeseconds", Some("s")),
    ("runtimesec", Some("s")),
    ("durationseconds", Some("s")),
    ("durationsec", Some("s")),
    ("durations", Some("s")),
    ("elapsedseconds", Some("s")),
    ("elapsedraw", Some("s")),
    ("rendertimeseconds", Some("s")),
    ("seconds", Some("s")),
    ("durationms", Some("ms")),
    ("runtimems", Some("ms")),
    ("elapsedms", Some("ms")),
    ("milliseconds", Some("ms")),
    ("durationmin", Some("min")),
    ("minutes", Some("min")),
    ("durationhours", Some("h")),
    ("runtimehours", Some("h")),
    ("renderhours", Some("h")),
    ("hours", Some("h")),
    ("runtime", None),
    ("duration", None),
    ("elapsed", None),
    ("rendertime", None),
    ("walltime", None),
];

/// Texts that stand for nothing.
pub(super) const ABSENT: [&str; 12] =
    ["-", "--", "n/a", "N/A", "NA", "null", "NULL", "None", "none", "Unknown", "\\N", "nan"];

/// What a text says about how a session ended.
pub(super) fn outcome(text: &str) -> Option<&'static str> {
    match plain(text).as_str() {
        "succeeded" | "success" | "successful" | "done" | "completed" | "complete" | "finished" | "ok"
        | "passed" => Some("SUCCEEDED"),
        "failed" | "failure" | "error" | "errored" | "dead" | "crashed" | "timeout" | "timedout" => {
            Some("FAILED")
        }
        "canceled" | "cancelled" | "killed" | "aborted" | "stopped" | "deleted" => Some("CANCELED"),
        "retried" | "retry" | "requeued" | "rerun" => Some("RETRIED"),
        "preempted" | "evicted" | "interrupted" => Some("PREEMPTED"),
        _ => None,
    }
}

/// The name in lower case and without what separates words.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
