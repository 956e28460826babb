//! The overview page: what each farm cost, drawn by the server, without a script.
//!
//! It is read by people in a browser, who cannot sign requests. Whoever has the link that farmtally printed gets a
//! cookie and sees the page; nobody else does, on the same machine neither. The `Host` must be a name that a browser
//! can only mean this machine by, or a web site could have its own name resolve to this address and read the page.

mod access;
mod chart;
mod escape;
mod figures;
mod html;
mod recipe;
mod table;

use std::error::Error;

use farmtally_service::{Farm, Service};
use http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request::ReceivedRequest;

pub(crate) use access::PageAccess;
use access::Visit;
use html::{FarmSection, OverviewPage};

const HTML: &str = "text/html; charset=utf-8";
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";
const STYLESHEET: &str = include_str!("overview.css");
const X_FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");

/// Answers a request for the page.
pub(crate) fn answer(
    service: &Service,
    access: &PageAccess,
    request: &ReceivedRequest,
) -> Result<Reply, Refusal> {
    match access.judge(request) {
        Visit::Welcome => overview(service),
        Visit::Arriving { cookie } => Ok(page(StatusCode::SEE_OTHER, String::new())
            .header(LOCATION, HeaderValue::from_static("/"))
            .header(SET_COOKIE, cookie)),
        Visit::Stranger => Ok(page(StatusCode::FORBIDDEN, html::OPEN_THE_LINK.to_owned())),
        Visit::WrongHost => Ok(page(StatusCode::MISDIRECTED_REQUEST, html::WRONG_HOST.to_owned())),
    }
}

/// The page's style sheet.
pub(crate) fn stylesheet() -> Reply {
    Reply::new(StatusCode::OK, "text/css; charset=utf-8", STYLESHEET)
}

fn overview(service: &Service) -> Result<Reply, Refusal> {
    let sections = service.overview_farms()?.into_iter().map(|farm| section(service, farm)).collect();
    Ok(page(StatusCode::OK, OverviewPage { sections, now: service.now() }.to_string()))
}

/// A farm's part of the page. One farm that cannot be read does not hide the others.
fn section(service: &Service, farm: Farm) -> FarmSection {
    let (farm_id, name) = (farm.farm_id, farm.display_name.clone());
    match service.overview(farm) {
        Ok(overview) => FarmSection::Known(Box::new(overview)),
        Err(error) => {
            tracing::error!(farm = %farm_id, error = &error as &dyn Error, "no overview");
            FarmSection::Unreadable { farm_id, name }
        }
    }
}

fn page(status: StatusCode, html: String) -> Reply {
    Reply::new(status, HTML, html)
        .header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .header(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
        .header(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}
