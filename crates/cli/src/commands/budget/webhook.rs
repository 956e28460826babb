//! A POST to somebody else's server: signed, with a bound on its time, and tried again when that may help.
//!
//! The signature is HMAC-SHA256 over the timestamp, a dot and the body, so that neither can be changed and an old report cannot
//! be sent again as a new one. A receiver compares the timestamp with its clock.

use std::thread;
use std::time::Duration;

use farmtally_service::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;

use crate::report_error::Failure;

/// Longest wait for an answer to one attempt.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is sent, and to whom.
pub(super) struct Delivery<'a> {
    pub(super) url: &'a str,
    /// The same for every attempt.
    pub(super) id: &'a str,
    pub(super) body: &'a str,
    pub(super) secret: Option<&'a [u8]>,
}

enum Attempt {
    Taken,
    /// It may go better later.
    Unanswered(String),
    Refused(String),
}

impl Delivery<'_> {
    /// Sends it, and tries again so many times, with twice the wait each time.
    pub(super) fn send(&self, retries: u32, wait_seconds: u64) -> Result<(), Failure> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(ANSWER_WITHIN));
        let agent = config.build().new_agent();
        let mut wait = Duration::from_secs(wait_seconds);
        for attempt in 0.. {
            match self.attempt(&agent) {
                Attempt::Taken => return Ok(()),
                Attempt::Unanswered(_) if attempt < retries => {
                    thread::sleep(wait);
                    wait *= 2;
                }
                Attempt::Unanswered(reason) | Attempt::Refused(reason) => {
                    let message = format!("the webhook `{}` did not take the report: {reason}", self.url);
                    return Err(Failure::failed(message));
                }
            }
        }
        Ok(())
    }

    fn attempt(&self, agent: &Agent) -> Attempt {
        let timestamp = SystemClock::default().now().millis().div_euclid(1000).to_string();
        let mut request = agent
            .post(self.url)
            .header("content-type", "application/json")
            .header("user-agent", concat!("farmtally/", env!("CARGO_PKG_VERSION")))
            .header("x-farmtally-delivery", self.id)
            .header("x-farmtally-timestamp", &timestamp);
        if let Some(secret) = self.secret {
            request = request.header("x-farmtally-signature", signature(secret, &timestamp, self.body));
        }
        match request.send(self.body.as_bytes()) {
            Err(error) => Attempt::Unanswered(error.to_string()),
            Ok(answer) => match answer.status().as_u16() {
                200..=299 => Attempt::Taken,
                status @ (408 | 425 | 429 | 500..=599) => {
                    Attempt::Unanswered(format!("it answered {status}"))
                }
                status => Attempt::Refused(format!("it answered {status}")),
            },
        }
    }
}

/// `sha256=` and the code in hexadecimal digits.
fn signature(secret: &[u8], timestamp: &str, body: &str) -> String {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(secret) else {
        // Every length of key is good for an HMAC.
        return String::new();
    };
    code.update(timestamp.as_bytes());
    code.update(b".");
    code.update(body.as_bytes());
    let digits = code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    format!("sha256={}", digits.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_other_programs_make() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(
            signature(b"0123456789abcdef", "1700000000", "{}"),
            "sha256=e4f8e2ecae2295b2ddb2f0b5584c8275e226c0ebe9b3b819e70156bb67122e3e"
        );
    }
}
