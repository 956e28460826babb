//! The overview page: what each farm cost, drawn by the server, without a script.
//!
//! It is read by people in a browser, who cannot sign requests. Whoever has the link that farmtally printed gets a
//! cookie and sees the page, and whoever signs in with a key sees what the key may; nobody else does, on the same
//! machine neither. The `Host` must be a name that a browser
//! can only mean this machine by, or a web site could have its own name resolve to this address and read the page.

mod access;
mod chart;
mod escape;
mod figures;
mod form;
mod html;
mod recipe;
mod session;
mod table;

use std::error::Error;

use farmtally_service::{Farm, Service, ServiceError};
use http::header::{CONTENT_SECURITY_POLICY, HOST, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request::ReceivedRequest;

pub(crate) use access::PageAccess;
use access::Visit;
use html::{FarmSection, OverviewPage};

const HTML: &str = "text/html; charset=utf-8";
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'self'";
const STYLESHEET: &str = include_str!("overview.css");
const X_FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");

/// Answers a request for the page.
pub(crate) fn answer(
    service: &Service,
    access: &PageAccess,
    request: &ReceivedRequest,
) -> Result<Reply, Refusal> {
    match access.judge(service, request)? {
        Visit::Welcome => Ok(overview(service, service.overview_farms()?, String::new())),
        Visit::SignedIn(visitor) => match service.readable_farms(&visitor.caller) {
            Ok(farms) => Ok(overview(service, farms, html::sign_out(&visitor))),
            Err(ServiceError::Denied { .. }) => {
                Ok(page(StatusCode::FORBIDDEN, html::sign_in(Some(html::NOT_A_READER))))
            }
            Err(error) => Err(error.into()),
        },
        Visit::Arriving { cookie } => Ok(to_the_page(cookie)),
        Visit::Stranger => Ok(page(StatusCode::FORBIDDEN, html::sign_in(None))),
        Visit::WrongHost => Ok(wrong_host()),
    }
}

/// Takes a key from the form of the page. Nothing is written down of a key that is none.
pub(crate) fn sign_in(
    service: &Service,
    access: &PageAccess,
    request: &ReceivedRequest,
) -> Result<Reply, Refusal> {
    if !access.is_asked_under_our_name(request) {
        return Ok(wrong_host());
    }
    if !comes_from_our_page(request) {
        return Ok(page(StatusCode::FORBIDDEN, html::sign_in(Some(html::ANOTHER_SITE))));
    }
    let (id, secret) =
        (form::field(request.body(), "accessKeyId"), form::field(request.body(), "secretAccessKey"));
    let cookie = match id.zip(secret) {
        Some((id, secret)) => access.sign_in(service, request, id.trim(), secret.trim())?,
        None => None,
    };
    Ok(match cookie {
        Some(cookie) => to_the_page(cookie),
        None => page(StatusCode::FORBIDDEN, html::sign_in(Some(html::WRONG_KEY))),
    })
}

/// Ends a session.
pub(crate) fn sign_out(access: &PageAccess, request: &ReceivedRequest) -> Reply {
    if !access.is_asked_under_our_name(request) {
        return wrong_host();
    }
    let form_token = form::field(request.body(), "form").unwrap_or_default();
    match access.sign_out(request, &form_token).filter(|_| comes_from_our_page(request)) {
        Some(cookie) => to_the_page(cookie),
        None => page(StatusCode::FORBIDDEN, html::sign_in(Some(html::ANOTHER_SITE))),
    }
}

/// Browsers say where a form was. What says nothing is no browser, and has no cookies of somebody else.
fn comes_from_our_page(request: &ReceivedRequest) -> bool {
    let is_same_site = request.headers().get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let origin = request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let host = request.only_header(&HOST).unwrap_or_default();
    let is_ours = origin.is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    });
    is_same_site && is_ours
}

fn to_the_page(cookie: HeaderValue) -> Reply {
    page(StatusCode::SEE_OTHER, String::new())
        .header(LOCATION, HeaderValue::from_static("/"))
        .header(SET_COOKIE, cookie)
}

fn wrong_host() -> Reply {
    page(StatusCode::MISDIRECTED_REQUEST, html::WRONG_HOST.to_owned())
}

/// The page's style sheet.
pub(crate) fn stylesheet() -> Reply {
    Reply::new(StatusCode::OK, "text/css; charset=utf-8", STYLESHEET)
}

fn overview(service: &Service, farms: Vec<Farm>, sign_out: String) -> Reply {
    let sections = farms.into_iter().map(|farm| section(service, farm)).collect();
    page(StatusCode::OK, OverviewPage { sections, now: service.now(), sign_out }.to_string())
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

/// With `no-referrer` browsers would hide from us too where a form was.
fn page(status: StatusCode, html: String) -> Reply {
    Reply::new(status, HTML, html)
        .header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .header(REFERRER_POLICY, HeaderValue::from_static("same-origin"))
        .header(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}
