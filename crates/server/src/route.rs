//! Where a request line leads: the one list of everything that is served, and of what is served without a signature.

use farmtally_wire::{Access, Labels, Operation};
use http::Method;

use crate::limits::{API_BODY_BYTES_MAX, INGEST_BODY_BYTES_MAX};
use crate::native::table::{Native, NativeTarget, WayIn};
use crate::page::{self, Asset};

/// Where a request leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Whether the process lives. Open.
    Live,
    /// Whether requests have a chance. Open.
    Ready,
    /// The usage explorer, behind its token. Open to whoever has the token.
    Page,
    /// A file of the page, which has nothing of a farm in it. Open.
    Asset(&'static Asset),
    /// Where a browser brings a key. Open; what it brings is checked.
    SignIn,
    /// Where a browser gives its session back. Open to whoever has a session.
    SignOut,
    /// What an operator watches, behind a token of its own.
    Metrics,
    /// What the service's own command line tells of its use. Open, because it comes unsigned, and never looked at.
    Telemetry,
    /// What tells of farmtally's own API and of no farm. Open.
    Api(Native),
    /// Everything that needs a signature.
    Signed(SignedRoute),
    /// What reads, and may be asked by the page's visitors too.
    Reading(NativeTarget),
    /// To nothing.
    Unknown,
}

/// Where a signed request leads. Labels are the path's, as they were written and unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignedRoute {
    /// An operation of AWS.
    Operation { operation: Operation, labels: Labels },
    /// A route of farmtally's own API.
    Native(NativeTarget),
}

impl Route {
    /// Finds the route of a method and a path, still percent-encoded and without the query.
    pub(crate) fn of(method: &Method, raw_path: &str) -> Self {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        match raw_path {
            "/livez" if is_read => Self::Live,
            "/readyz" if is_read => Self::Ready,
            "/" if is_read => Self::Page,
            "/sign-in" if *method == Method::POST => Self::SignIn,
            "/sign-out" if *method == Method::POST => Self::SignOut,
            "/metrics" if is_read => Self::Metrics,
            "/2023-10-12/telemetry" if *method == Method::POST => Self::Telemetry,
            _ if raw_path.starts_with("/assets/") && is_read => {
                page::find_asset(raw_path).map_or(Self::Unknown, Self::Asset)
            }
            _ if raw_path.starts_with("/api/") => Self::native(method, raw_path),
            _ => match Operation::route(method.as_str(), raw_path) {
                farmtally_wire::Route::Operation { operation, labels } => {
                    Self::Signed(SignedRoute::Operation { operation, labels })
                }
                farmtally_wire::Route::UnknownOperation => Self::Unknown,
            },
        }
    }

    fn native(method: &Method, raw_path: &str) -> Self {
        let target = NativeTarget::of(method.as_str(), raw_path);
        target.map_or(Self::Unknown, |target| match target.way_in {
            WayIn::Open => Self::Api(target.native),
            WayIn::Signature => Self::Signed(SignedRoute::Native(target)),
            WayIn::SignatureOrPage => Self::Reading(target),
        })
    }

    /// What the route is called in metrics, traces and the audit log: one of a bounded number of names.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Live => "livez",
            Self::Ready => "readyz",
            Self::Page => "page",
            Self::Asset(_) => "asset",
            Self::SignIn => "sign-in",
            Self::SignOut => "sign-out",
            Self::Metrics => "metrics",
            Self::Telemetry => "telemetry",
            Self::Api(Native::ApiPage) => "ApiPage",
            Self::Api(Native::ApiStyle) => "ApiStyle",
            Self::Api(_) => "ApiDocument",
            Self::Signed(route) => route.name(),
            Self::Reading(target) => target.name,
            Self::Unknown => "unknown",
        }
    }

    /// Longest body, in bytes.
    pub(crate) fn body_bytes_max(&self) -> usize {
        match self {
            Self::Signed(SignedRoute::Native(target))
                if matches!(target.native, Native::SendSessions | Native::AmendCosts) =>
            {
                INGEST_BODY_BYTES_MAX
            }
            _ => API_BODY_BYTES_MAX,
        }
    }
}

impl SignedRoute {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Operation { operation, .. } => operation.name(),
            Self::Native(target) => target.name,
        }
    }

    /// Whether the request asks to change something that is written down nowhere else. A batch of sessions is: it is in
    /// the chain of its farm's batches.
    pub(crate) fn is_audited(&self) -> bool {
        match self {
            Self::Operation { operation, .. } => operation.access() == Access::Change,
            Self::Native(target) => target.native != Native::SendSessions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::table::ROUTES;

    fn is_open(method: &Method, path: &str) -> bool {
        !matches!(Route::of(method, path), Route::Signed(_) | Route::Reading(_) | Route::Unknown)
    }

    #[test]
    fn eleven_paths_are_open_each_for_reading_or_for_sending() {
        for path in ["/livez", "/readyz", "/", page::STYLESHEET_PATH, "/metrics"] {
            assert!(is_open(&Method::GET, path) && is_open(&Method::HEAD, path), "{path}");
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT] {
                assert_eq!(Route::of(&method, path), Route::Unknown, "{method} {path}");
            }
        }
        for path in ["/api/v1/openapi.json", "/api/docs", "/api/docs.css"] {
            assert!(is_open(&Method::GET, path), "{path}");
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
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
        for route in &ROUTES {
            let path = route.template.replace("{farmId}", "farm-1");
            let found = Route::of(&Method::from_bytes(route.method.as_bytes()).unwrap(), &path);
            let is_audited = matches!(&found, Route::Signed(route) if route.is_audited());
            let changes = route.method == "DELETE" || route.name == "AmendCosts";
            assert_eq!(is_audited, changes, "{}", route.name);
        }
    }

    #[test]
    fn cookies_open_only_what_reads() {
        for route in ROUTES.iter().filter(|route| route.way_in != WayIn::Signature) {
            let reads = ["List", "Query", "Api"].iter().any(|verb| route.name.starts_with(verb));
            assert!(reads && matches!(route.method, "GET" | "POST"), "{}", route.name);
        }
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
    fn every_native_route_is_found_with_its_labels() {
        for route in &ROUTES {
            let path = route.template.replace("{farmId}", "farm-1").replace("{sessionId}", "session-1");
            let found = NativeTarget::of(route.method, &path.replace("{volumeId}", "")).unwrap();
            assert_eq!((found.native, found.name, found.way_in), (route.native, route.name, route.way_in));
            assert_eq!(found.labels.len(), route.template.matches('{').count());
            assert!(found.labels.is_empty() || found.label(0) == "farm-1");
        }
        let mut names: Vec<_> = ROUTES.iter().map(|route| route.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROUTES.len());
    }

    #[test]
    fn anything_else_leads_nowhere() {
        for (method, path) in [
            (Method::HEAD, "/api/v1/farms"),
            (Method::GET, "/api/v1/farms/"),
            (Method::GET, "/api/v1/farms/farm-1"),
            (Method::PUT, "/api/v1/farms/farm-1/query"),
            (Method::GET, "/api/docs/"),
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
            (Method::GET, "/assets/app.css"),
            (Method::GET, "/favicon.ico"),
        ] {
            assert_eq!(Route::of(&method, path), Route::Unknown, "{method} {path}");
        }
    }
}
