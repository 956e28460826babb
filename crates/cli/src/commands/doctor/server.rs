//! The server: it answers, it is ready, it is ours, and its clock is this machine's.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use farmtally_service::{Clock, SystemClock};
use jiff::fmt::rfc2822::DateTimeParser;
use ureq::Agent;

use super::finding::Finding;
use super::names::{Host, resolved};

/// How long a server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// A signature that is older or newer than this is refused.
const SKEW_WRONG_SECONDS: i64 = 5 * 60;
/// Clocks that are set by a network do not differ by this.
const SKEW_NOTE_SECONDS: i64 = 30;

/// Looks at the server behind a base URL.
pub(super) fn look(endpoint: &str) -> Vec<Finding> {
    if endpoint.starts_with("https:") {
        return vec![reachable(endpoint)];
    }
    let config = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(ANSWER_WITHIN));
    let asked = config.build().new_agent().get(format!("{endpoint}/readyz")).call();
    let mut answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            let text = format!("nobody answers at {endpoint}: {error}");
            return vec![Finding::wrong(text, "farmtally serve --data-dir DIR")];
        }
    };
    let text = answer.body_mut().with_config().limit(1 << 10).read_to_string().unwrap_or_default();
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let mut findings = vec![readiness(endpoint, answer.status().as_u16(), &text)];
    findings.extend(date.and_then(skew_seconds).map(clock));
    findings
}

fn readiness(endpoint: &str, status: u16, text: &str) -> Finding {
    match (status, text) {
        (200, "ready\n") => Finding::fine(format!("the server at {endpoint} is ready")),
        (503, _) => Finding::wrong(format!("the server at {endpoint} is not ready"), "its log says why"),
        _ => Finding::wrong(
            format!("another program answers at {endpoint}"),
            "farmtally serve --data-dir DIR --listen 127.0.0.1:0",
        ),
    }
}

/// This program speaks no TLS as a client: whether somebody listens is all that it can tell.
fn reachable(endpoint: &str) -> Finding {
    let host = Host::of(endpoint);
    let listens = resolved(&host.name, host.port)
        .into_iter()
        .any(|address| TcpStream::connect_timeout(&address, ANSWER_WITHIN).is_ok());
    if listens {
        Finding::note(
            format!("somebody listens at {endpoint}; who it is, TLS hides"),
            format!("curl --fail {endpoint}/readyz"),
        )
    } else {
        Finding::wrong(
            format!("nobody listens at {endpoint}"),
            "see to the server, or to the name and the port",
        )
    }
}

/// How many seconds this machine is ahead of a server.
fn skew_seconds(date: &str) -> Option<i64> {
    let server = DateTimeParser::new().parse_timestamp(date).ok()?.as_second();
    Some(SystemClock::default().now().millis().div_euclid(1000) - server)
}

fn clock(skew_seconds: i64) -> Finding {
    let way = if skew_seconds < 0 { "behind" } else { "ahead of" };
    let text = format!("this machine's clock is {} s {way} the server's", skew_seconds.abs());
    match skew_seconds.abs() {
        ..SKEW_NOTE_SECONDS => Finding::fine("this machine's clock agrees with the server's"),
        SKEW_NOTE_SECONDS..SKEW_WRONG_SECONDS => Finding::note(text, "sudo timedatectl set-ntp true"),
        _ => Finding::wrong(
            format!("{text}; signatures are refused from {SKEW_WRONG_SECONDS} s on"),
            "sudo timedatectl set-ntp true",
        ),
    }
}

/// Whether a server could listen there.
pub(super) fn port(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::fine(format!("{address} is free to listen on")),
        Err(error) => Finding::note(
            format!("cannot listen on {address}: {error}"),
            format!("farmtally serve --data-dir DIR --listen {}", SocketAddr::new(address.ip(), 0)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_clock_is_wrong_from_where_signatures_are_refused() {
        for (seconds, verdict) in [
            (0, Verdict::Fine),
            (-29, Verdict::Fine),
            (30, Verdict::Note),
            (-299, Verdict::Note),
            (300, Verdict::Wrong),
            (-86_400, Verdict::Wrong),
        ] {
            assert_eq!(clock(seconds).verdict, verdict, "{seconds}");
        }
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        let long_ago = skew_seconds("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert!(long_ago > 30 * 365 * 86_400, "{long_ago}");
        assert_eq!(skew_seconds("yesterday"), None);
    }
}
