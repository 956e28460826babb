//! Slurm's accounting as `sacct --parsable2` prints it.
//!
//! The job's name comes last because it may hold the separator. A row has the 26 fields of the plain form, or eight
//! more before the name; a header line, if there is one, says which. Times have no offset and are taken as UTC, so
//! `sacct` must run with `TZ=UTC`.

use farmtally_model::{
    InstanceType, JobName, LicenseProduct, Outcome, Record, RecordNames, Session, Span, Submission,
    Timestamp, USAGE_LINES_MAX, Usage, UsageLine, UsageLines, UserId, WorkerId,
};

use crate::entry::{Entry, FieldProblem, ReadError, SkipReason, entry};
use crate::foreign_id::{ForeignSource, display_name};
use crate::lines::LineParser;
use crate::record::{SentLine, compute_line, session_problem};

mod json;

pub(crate) use self::json::SlurmJsonEntries;

/// The fields of the plain form, as `sacct --format` names them.
const PLAIN: [&str; 26] = [
    "jobid",
    "jobidraw",
    "cluster",
    "partition",
    "qos",
    "account",
    "group",
    "gid",
    "user",
    "uid",
    "submit",
    "eligible",
    "start",
    "end",
    "elapsed",
    "exitcode",
    "state",
    "nnodes",
    "ncpus",
    "reqcpus",
    "reqmem",
    "reqtres",
    "alloctres",
    "timelimit",
    "nodelist",
    "jobname",
];

/// What the extended form has between `nodelist` and `jobname`.
const EXTENSION: [&str; 8] =
    ["elapsedraw", "suspended", "restarts", "licenses", "wckey", "consumedenergyraw", "dbindex", "sluid"];

/// Place of the first field that only the extended form has.
const EXTENSION_START: usize = PLAIN.len() - 1;

/// Which fields a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Extended,
}

impl Form {
    const fn fields(self) -> usize {
        match self {
            Self::Plain => PLAIN.len(),
            Self::Extended => PLAIN.len() + EXTENSION.len(),
        }
    }

    /// The form of a row without a header: a job name does not look like elapsed seconds, a duration and a count.
    fn guess(text: &str) -> Self {
        let fields: Vec<&str> = text.splitn(Self::Extended.fields(), '|').skip(EXTENSION_START).collect();
        match fields[..] {
            [elapsed, suspended, restarts, _, _, _, _, _, _]
                if is_number(elapsed) && suspended.contains(':') && is_number(restarts) =>
            {
                Self::Extended
            }
            _ => Self::Plain,
        }
    }

    /// The form that a header line announces.
    fn of_header(text: &str) -> Result<Self, ReadError> {
        let header = text.to_ascii_lowercase();
        let plain = PLAIN.join("|");
        let extended = [&PLAIN[..EXTENSION_START], &EXTENSION[..], &["jobname"]].concat().join("|");
        match header {
            header if header == plain => Ok(Self::Plain),
            header if header == extended => Ok(Self::Extended),
            _ => Err(ReadError::header(format!(
                "the header line is not that of the documented sacct command; expected the fields {plain}"
            ))),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The parser of one row.
pub(crate) struct SlurmLines {
    announced: Option<Form>,
}

impl SlurmLines {
    pub(crate) const fn new() -> Self {
        Self { announced: None }
    }
}

impl LineParser for SlurmLines {
    fn parse_line(&mut self, line: u64, text: &str) -> Result<Option<Entry>, ReadError> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.split('|').next().is_some_and(|field| field.eq_ignore_ascii_case(PLAIN[0])) {
            self.announced = Some(Form::of_header(text)?);
            return Ok(None);
        }
        let form = self.announced.unwrap_or_else(|| Form::guess(text));
        Ok(Some(match SlurmRow::split(text, form) {
            Err(problem) => Entry::Rejected(problem.at(line)),
            Ok(row) => match row.skip_reason() {
                Some(reason) => Entry::Skipped { line, reason },
                None => entry(line, row.submission()),
            },
        }))
    }
}

/// The fields of one row.
struct SlurmRow<'a> {
    form: Form,
    fields: Vec<&'a str>,
}

impl<'a> SlurmRow<'a> {
    fn split(text: &'a str, form: Form) -> Result<Self, FieldProblem> {
        let fields: Vec<&str> = text.splitn(form.fields(), '|').collect();
        if fields.len() < form.fields() {
            let message = format!("the row has {} fields; {} are needed", fields.len(), form.fields());
            return Err(FieldProblem::row(text, message));
        }
        Ok(Self { form, fields })
    }

    /// The field that `sacct --format` calls `name`; empty where the form lacks it.
    fn field(&self, name: &str) -> &'a str {
        if name == "jobname" {
            return self.fields.last().copied().unwrap_or_default();
        }
        let plain = PLAIN.iter().position(|field| *field == name);
        let extended = || {
            let place = EXTENSION.iter().position(|field| *field == name)?;
            (self.form == Form::Extended).then_some(EXTENSION_START + place)
        };
        plain.or_else(extended).and_then(|place| self.fields.get(place).copied()).unwrap_or_default()
    }

    fn required(&self, name: &'static str) -> Result<&'a str, FieldProblem> {
        match self.field(name) {
            "" => Err(FieldProblem::missing(name, "")),
            text => Ok(text),
        }
    }

    fn skip_reason(&self) -> Option<SkipReason> {
        let never_started = is_unknown(self.field("start")) || self.field("nodelist") == "None assigned";
        if self.field("jobid").contains('.') {
            Some(SkipReason::JobStep)
        } else if never_started {
            Some(SkipReason::NeverStarted)
        } else {
            None
        }
    }

    fn submission(&self) -> Result<Submission, FieldProblem> {
        let cluster = self.required("cluster")?;
        let partition = self.required("partition")?;
        let source = ForeignSource::new(format!("slurm/{cluster}"));
        let session = Session {
            session_id: source.session(&self.native_session()?),
            queue_id: source.queue(partition),
            fleet_id: source.fleet(cluster),
            job_id: source.job(self.native_job()?),
            job_name: self.job_name()?,
            user_id: self.user()?,
            worker_id: self.worker(&source),
            instance_type: self.instance_type(),
            outcome: outcome(self.field("state")),
            span: self.span()?,
            revision: 0,
            usage: UsageLines::new(self.usage()?).map_err(|error| session_problem(&error))?,
        };
        let names = RecordNames { queue: display_name(partition), fleet: display_name(cluster), user: None };
        Ok(Submission { record: Record::Session(session), names })
    }

    /// What tells this run of the job from its other runs: a requeued job keeps its number.
    fn native_session(&self) -> Result<String, FieldProblem> {
        for name in ["sluid", "dbindex"] {
            let text = self.field(name);
            if !text.is_empty() && text != "0" {
                return Ok(format!("{name} {text}"));
            }
        }
        let started_at = self.instant("start")?;
        Ok(format!("{} {}", self.required("jobidraw")?, started_at.millis()))
    }

    /// The number that all tasks of an array, or all parts of a heterogeneous job, have in common.
    fn native_job(&self) -> Result<&'a str, FieldProblem> {
        let job_id = self.required("jobid")?;
        Ok(job_id.split(['_', '+']).next().unwrap_or(job_id))
    }

    fn job_name(&self) -> Result<JobName, FieldProblem> {
        let name = match self.field("jobname") {
            "" => self.field("jobid"),
            name => name,
        };
        JobName::new(name).map_err(|error| FieldProblem::new("jobname", name, error))
    }

    fn user(&self) -> Result<UserId, FieldProblem> {
        let user = match self.field("user") {
            "" => self.required("uid")?,
            user => user,
        };
        UserId::new(user).map_err(|error| FieldProblem::new("user", user, error))
    }

    /// The node, when the job ran on one.
    fn worker(&self, source: &ForeignSource) -> Option<WorkerId> {
        (self.field("nnodes") == "1").then(|| source.worker(self.field("nodelist")))
    }

    fn instance_type(&self) -> Option<InstanceType> {
        let text = gpu_type(self.field("alloctres")).or_else(|| self.cores_per_node())?;
        InstanceType::new(&text).ok()
    }

    fn cores_per_node(&self) -> Option<String> {
        let cores: u64 = self.field("ncpus").parse().ok()?;
        let nodes: u64 = self.field("nnodes").parse().ok()?;
        cores.checked_div(nodes).map(|cores| format!("cpu{cores}"))
    }

    fn span(&self) -> Result<Span, FieldProblem> {
        let started_at = self.instant("start")?;
        let ended_at = if is_unknown(self.field("end")) { None } else { Some(self.instant("end")?) };
        Span::new(started_at, ended_at).map_err(|_| {
            let (end, start) = (self.field("end"), self.field("start"));
            FieldProblem::new("end", end, format!("end {end} is before start {start}"))
        })
    }

    fn instant(&self, name: &'static str) -> Result<Timestamp, FieldProblem> {
        let text = self.field(name);
        Timestamp::parse(&format!("{text}Z")).map_err(|_| {
            let message = format!("{text:?} is not a time such as 2025-11-24T22:00:00, from 1970 to 2999");
            FieldProblem::new(name, text, message)
        })
    }

    fn usage(&self) -> Result<Vec<SentLine>, FieldProblem> {
        let mut lines = vec![compute_line(None)];
        for token in self.field("licenses").split([',', ';']).filter(|token| !matches!(*token, "" | "(null)"))
        {
            let (product, quantity) = license(token).ok_or_else(|| {
                FieldProblem::new("licenses", token, format!("{token:?} is not product:count@server"))
            })?;
            add_license(&mut lines, product, quantity, token)?;
        }
        Ok(lines)
    }
}

/// `maya:2@srv`, `maya@srv:2` or `maya`.
fn license(token: &str) -> Option<(LicenseProduct, u32)> {
    let product = token.split([':', '@']).next().and_then(|name| LicenseProduct::new(name).ok())?;
    let quantity = match token.split_once(':') {
        None => 1,
        Some((_, after)) => after.split('@').next()?.parse().ok()?,
    };
    (quantity > 0).then_some((product, quantity))
}

/// Licences of one product from two servers are one line.
fn add_license(
    lines: &mut Vec<SentLine>,
    product: LicenseProduct,
    quantity: u32,
    token: &str,
) -> Result<(), FieldProblem> {
    for line in lines.iter_mut() {
        if let Usage::License { product: held, quantity: held_quantity } = &mut line.usage
            && *held == product
        {
            *held_quantity = held_quantity.checked_add(quantity).ok_or_else(|| {
                FieldProblem::new("licenses", token, format!("more than {} licences of {product}", u32::MAX))
            })?;
            return Ok(());
        }
    }
    // One line beyond the bound is enough for the refusal.
    if lines.len() <= USAGE_LINES_MAX {
        lines.push(UsageLine { usage: Usage::License { product, quantity }, cost: None });
    }
    Ok(())
}

/// `gpu:a100` from `gres/gpu:a100=2`, or `gpu` where the type is not told.
fn gpu_type(tres: &str) -> Option<String> {
    let names = tres.split(',').filter_map(|entry| entry.split('=').next()?.strip_prefix("gres/gpu"));
    // The typed entry, if any, is the longer one.
    let longest =
        names.filter(|rest| rest.is_empty() || rest.starts_with(':')).max_by_key(|rest| rest.len())?;
    Some(format!("gpu{longest}"))
}

fn outcome(state: &str) -> Option<Outcome> {
    // `CANCELLED by 1234` says who.
    match state.split(' ').next()? {
        "COMPLETED" => Some(Outcome::Succeeded),
        "FAILED" | "TIMEOUT" | "OUT_OF_MEMORY" | "NODE_FAIL" | "BOOT_FAIL" | "DEADLINE" => {
            Some(Outcome::Failed)
        }
        "CANCELLED" => Some(Outcome::Canceled),
        "PREEMPTED" => Some(Outcome::Preempted),
        "REQUEUED" => Some(Outcome::Retried),
        _ => None,
    }
}

fn is_unknown(time: &str) -> bool {
    matches!(time, "" | "Unknown" | "None")
}

#[cfg(test)]
mod tests;
