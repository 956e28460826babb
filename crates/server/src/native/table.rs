//! The routes of farmtally's own API, as data: the router reads them, and so does the document that describes them.

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WayIn {
    /// Whoever signs the request.
    Signature,
    /// Whoever signs the request, and browsers that the page let in. Only what reads may be so.
    SignatureOrPage,
    /// Anybody: there is nothing of a farm in it.
    Open,
}

/// What is at the end of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Native {
    SendSessions,
    AmendCosts,
    DeleteSession,
    DeleteVolume,
    ListReadableFarms,
    QueryUsage,
    QueryUsageByUrl,
    ListUsageValues,
    ListUsageSessions,
    ApiDocument,
    ApiPage,
    ApiStyle,
}

/// One route.
#[derive(Debug)]
pub(crate) struct NativeRoute {
    pub(crate) method: &'static str,
    /// The path, with labels in braces.
    pub(crate) template: &'static str,
    pub(crate) native: Native,
    /// What it is called in metrics, traces and the audit log.
    pub(crate) name: &'static str,
    pub(crate) way_in: WayIn,
}

const fn route(
    method: &'static str,
    template: &'static str,
    native: Native,
    name: &'static str,
    way_in: WayIn,
) -> NativeRoute {
    NativeRoute { method, template, native, name, way_in }
}

/// Every route.
pub(crate) const ROUTES: [NativeRoute; 12] = {
    use WayIn::{Open, Signature, SignatureOrPage};
    let farm = "/api/v1/farms/{farmId}/sessions";
    [
        route("POST", farm, Native::SendSessions, "SendSessions", Signature),
        route("POST", "/api/v1/farms/{farmId}/costs", Native::AmendCosts, "AmendCosts", Signature),
        route(
            "DELETE",
            "/api/v1/farms/{farmId}/sessions/{sessionId}",
            Native::DeleteSession,
            "DeleteSession",
            Signature,
        ),
        route(
            "DELETE",
            "/api/v1/farms/{farmId}/volumes/{volumeId}",
            Native::DeleteVolume,
            "DeleteVolume",
            Signature,
        ),
        route("GET", "/api/v1/farms", Native::ListReadableFarms, "ListReadableFarms", SignatureOrPage),
        route("POST", "/api/v1/farms/{farmId}/query", Native::QueryUsage, "QueryUsage", SignatureOrPage),
        route(
            "GET",
            "/api/v1/farms/{farmId}/query",
            Native::QueryUsageByUrl,
            "QueryUsageByUrl",
            SignatureOrPage,
        ),
        route(
            "GET",
            "/api/v1/farms/{farmId}/values",
            Native::ListUsageValues,
            "ListUsageValues",
            SignatureOrPage,
        ),
        route("GET", farm, Native::ListUsageSessions, "ListUsageSessions", SignatureOrPage),
        route("GET", "/api/v1/openapi.json", Native::ApiDocument, "ApiDocument", Open),
        route("GET", "/api/docs", Native::ApiPage, "ApiPage", Open),
        route("GET", "/api/docs.css", Native::ApiStyle, "ApiStyle", Open),
    ]
};

/// A route that a request leads to, with what stands in the places of its labels, as it was written and unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NativeTarget {
    pub(crate) native: Native,
    pub(crate) name: &'static str,
    pub(crate) way_in: WayIn,
    pub(crate) labels: Vec<String>,
}

impl NativeTarget {
    /// Finds the route of a method and a path, still percent-encoded. Ids are written in characters that nobody needs to
    /// escape, so that labels are taken as they are.
    pub(crate) fn of(method: &str, raw_path: &str) -> Option<Self> {
        ROUTES.iter().filter(|route| route.method == method).find_map(|route| {
            let labels = labels(route.template, raw_path)?;
            let NativeRoute { native, name, way_in, .. } = *route;
            Some(Self { native, name, way_in, labels })
        })
    }

    /// A label by its place in the path.
    pub(crate) fn label(&self, index: usize) -> &str {
        self.labels.get(index).map_or("", String::as_str)
    }
}

/// What stands in the places of a template's labels, if the path is of the template.
fn labels(template: &str, raw_path: &str) -> Option<Vec<String>> {
    let (mut templates, mut parts) = (template.split('/'), raw_path.split('/'));
    let mut labels = Vec::new();
    loop {
        match (templates.next(), parts.next()) {
            (None, None) => return Some(labels),
            (Some(template), Some(part)) if template.starts_with('{') => labels.push(part.to_owned()),
            (Some(template), Some(part)) if template == part => {}
            _ => return None,
        }
    }
}
