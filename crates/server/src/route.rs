//! Where a request line leads: the one list of everything that is served, and of what is served without a signature.

use farmtally_wire::{Access, Labels, Operation};
use http::Method;

use crate::limits::{API_BODY_BYTES_MAX, INGEST_BODY_BYTES_MAX};

/// Where a request leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Whether the process lives. Open.
    Live,
    /// Whether requests have a chance. Open.
    Ready,
    /// The overview page, behind its token. Open to whoever has the token.
    Page,
    /// The overview page's style sheet. Open.
    Stylesheet,
    /// Where a browser brings a key. Open; what it brings is checked.
    SignIn,
    /// Where a browser gives its session back. Open to whoever has a session.
    SignOut,
    /// What an operator watches, behind a token of its own.
    Metrics,
    /// What the service's own command line tells of its use. Open, because it comes unsigned, and never looked at.
    Telemetry,
    /// Everything that needs a signature.
    Signed(SignedRoute),
    /// To nothing.
    Unknown,
}

/// Where a signed request leads. Labels are the path's, as they were written and unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignedRoute {
    /// An operation of AWS.
    Operation { operation: Operation, labels: Labels },
    /// Sessions and volumes in.
    SendSessions { farm_label: String },
    /// A session out.
    DeleteSession { farm_label: String, session_label: String },
    /// A volume out.
    DeleteVolume { farm_label: String, volume_label: String },
}

impl Route {
    /// Finds the route of a method and a path, still percent-encoded and without the query.
    pub(crate) fn of(method: &Method, raw_path: &str) -> Self {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        match raw_path {
            "/livez" if is_read => Self::Live,
            "/readyz" if is_read => Self::Ready,
            "/" if is_read => Self::Page,
            "/assets/overview.css" if is_read => Self::Stylesheet,
            "/sign-in" if *method == Method::POST => Self::SignIn,
            "/sign-out" if *method == Method::POST => Self::SignOut,
            "/metrics" if is_read => Self::Metrics,
            "/2023-10-12/telemetry" if *method == Method::POST => Self::Telemetry,
            _ => SignedRoute::of(method, raw_path).map_or(Self::Unknown, Self::Signed),
        }
    }

    /// What the route is called in metrics, traces and the audit log: one of a bounded number of names.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Live => "livez",
            Self::Ready => "readyz",
            Self::Page => "page",
            Self::Stylesheet => "stylesheet",
            Self::SignIn => "sign-in",
            Self::SignOut => "sign-out",
            Self::Metrics => "metrics",
            Self::Telemetry => "telemetry",
            Self::Signed(route) => route.name(),
            Self::Unknown => "unknown",
        }
    }

    /// Longest body, in bytes.
    pub(crate) fn body_bytes_max(&self) -> usize {
        match self {
            Self::Signed(SignedRoute::SendSessions { .. }) => INGEST_BODY_BYTES_MAX,
            _ => API_BODY_BYTES_MAX,
        }
    }
}

impl SignedRoute {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Operation { operation, .. } => operation.name(),
            Self::SendSessions { .. } => "SendSessions",
            Self::DeleteSession { .. } => "DeleteSession",
            Self::DeleteVolume { .. } => "DeleteVolume",
        }
    }

    /// Whether the request asks to change something that is written down nowhere else. A batch of sessions is: it is in
    /// the chain of its farm's batches.
    pub(crate) fn is_audited(&self) -> bool {
        match self {
            Self::Operation { operation, .. } => operation.access() == Access::Change,
            Self::SendSessions { .. } => false,
            Self::DeleteSession { .. } | Self::DeleteVolume { .. } => true,
        }
    }

    fn of(method: &Method, raw_path: &str) -> Option<Self> {
        match raw_path.strip_prefix("/api/v1/farms/") {
            Some(rest) => Self::native(method, rest),
            None => match Operation::route(method.as_str(), raw_path) {
                farmtally_wire::Route::Operation { operation, labels } => {
                    Some(Self::Operation { operation, labels })
                }
                farmtally_wire::Route::UnknownOperation => None,
            },
        }
    }

    /// Ids are written in characters that nobody needs to escape, so that labels are taken as they are.
    fn native(method: &Method, rest: &str) -> Option<Self> {
        let labels: Vec<&str> = rest.split('/').collect();
        let owned = str::to_owned;
        match (method, labels.as_slice()) {
            (&Method::POST, &[farm, "sessions"]) => Some(Self::SendSessions { farm_label: owned(farm) }),
            (&Method::DELETE, &[farm, "sessions", session]) => {
                Some(Self::DeleteSession { farm_label: owned(farm), session_label: owned(session) })
            }
            (&Method::DELETE, &[farm, "volumes", volume]) => {
                Some(Self::DeleteVolume { farm_label: owned(farm), volume_label: owned(volume) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(method: &Method, path: &str) -> bool {
        !matches!(Route::of(method, path), Route::Signed(_) | Route::Unknown)
    }

    #[test]
    fn eight_paths_are_open_each_for_reading_or_for_sending() {
        for path in ["/livez", "/readyz", "/", "/assets/overview.css", "/metrics"] {
            assert!(is_open(&Method::GET, path) && is_open(&Method::HEAD, path), "{path}");
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT] {
                assert_eq!(Route::of(&method, path), Route::Unknown, "{method} {path}");
            }
        }
        for path in ["/sign-in", "/sign-out", "/2023-10-12/telemetry"] {
            assert!(is_open(&Method::POST, path), "{path}");
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
                assert_eq!(Route::of(&method, path), Route::Unknown, "{method} {path}");
            }
        }
    }

    #[test]
    fn what_changes_something_is_audited() {
        for operation in Operation::ALL {
            let route = SignedRoute::Operation { operation: *operation, labels: Labels::default() };
            let changes = ["Create", "Update", "Delete", "Tag", "Untag"];
            let changes = changes.iter().any(|verb| operation.name().starts_with(verb));
            assert_eq!(route.is_audited(), changes, "{}", operation.name());
        }
        let farm_label = String::new;
        assert!(!SignedRoute::SendSessions { farm_label: farm_label() }.is_audited());
        let delete = SignedRoute::DeleteVolume { farm_label: farm_label(), volume_label: String::new() };
        assert!(delete.is_audited());
    }

    #[test]
    fn every_operation_needs_a_signature() {
        for operation in Operation::ALL {
            let method = Method::from_bytes(operation.method().as_bytes()).unwrap();
            let path = operation.path_template();
            let route = Route::of(&method, path);
            let Route::Signed(SignedRoute::Operation { operation: found, .. }) = route else {
                panic!("{method} {path} leads to {route:?}");
            };
            assert_eq!(found, *operation);
        }
    }

    #[test]
    fn records_come_in_and_go_out_by_their_own_paths() {
        let farm_label = "farm-1".to_owned();
        let check =
            |method, path, route| assert_eq!(Route::of(&method, path), Route::Signed(route), "{path}");
        let send = SignedRoute::SendSessions { farm_label: farm_label.clone() };
        check(Method::POST, "/api/v1/farms/farm-1/sessions", send);
        let session_label = "session-1".to_owned();
        let delete = SignedRoute::DeleteSession { farm_label: farm_label.clone(), session_label };
        check(Method::DELETE, "/api/v1/farms/farm-1/sessions/session-1", delete);
        let delete = SignedRoute::DeleteVolume { farm_label, volume_label: String::new() };
        check(Method::DELETE, "/api/v1/farms/farm-1/volumes/", delete);
    }

    #[test]
    fn anything_else_leads_nowhere() {
        for (method, path) in [
            (Method::GET, "/api/v1/farms/farm-1/sessions"),
            (Method::POST, "/api/v1/farms/farm-1/sessions/"),
            (Method::POST, "/api/v1/farms/farm-1/volumes"),
            (Method::DELETE, "/api/v1/farms/farm-1/sessions"),
            (Method::DELETE, "/api/v1/farms/farm-1"),
            (Method::GET, "/livez/"),
            (Method::GET, "/LIVEZ"),
            (Method::GET, "//"),
            (Method::GET, "*"),
            (Method::OPTIONS, "*"),
            (Method::GET, "/assets/../livez"),
            (Method::GET, "/favicon.ico"),
        ] {
            assert_eq!(Route::of(&method, path), Route::Unknown, "{method} {path}");
        }
    }
}
