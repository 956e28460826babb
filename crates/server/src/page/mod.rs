//! The usage explorer: who may open it, its files, and nothing of its numbers, which it asks the native API for.
//!
//! It is read by people in a browser, who cannot sign requests. Whoever has the link that farmtally printed gets a
//! cookie and sees the page, and whoever signs in with a key sees what the key may; nobody else does, on the same
//! machine neither. The `Host` must be a name that a browser
//! can only mean this machine by, or a web site could have its own name resolve to this address and read the page.

mod access;
mod assets;
mod escape;
mod form;
mod html;
mod session;

use farmtally_service::{Service, ServiceError};
use http::header::{CONTENT_SECURITY_POLICY, HOST, LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request::ReceivedRequest;

pub(crate) use access::PageAccess;
use access::Visit;
#[cfg(test)]
pub(crate) use assets::STYLESHEET_PATH;
pub(crate) use assets::{Asset, answer as answer_asset, find as find_asset};
pub(crate) use escape::Escaped;

const HTML: &str = "text/html; charset=utf-8";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const X_FRAME_OPTIONS: HeaderName = HeaderName::from_static("x-frame-options");

/// Answers a request for the page.
pub(crate) fn answer(
    service: &Service,
    access: &PageAccess,
    request: &ReceivedRequest,
) -> Result<Reply, Refusal> {
    match access.judge(service, request)? {
        Visit::Welcome => Ok(page(StatusCode::OK, html::explorer(&service.overview_farms()?, ""))),
        Visit::SignedIn(visitor) => match service.readable_farms(&visitor.caller) {
            Ok(farms) => Ok(page(StatusCode::OK, html::explorer(&farms, &html::sign_out(&visitor)))),
            Err(ServiceError::Denied { .. }) => {
                Ok(page(StatusCode::FORBIDDEN, html::sign_in(Some(html::NOT_A_READER), "")))
            }
            Err(error) => Err(error.into()),
        },
        Visit::Arriving { cookie } => Ok(to_the_page(cookie, &without_token(request.raw_query()))),
        Visit::Stranger => {
            Ok(page(StatusCode::FORBIDDEN, html::sign_in(None, &without_token(request.raw_query()))))
        }
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
        return Ok(page(StatusCode::FORBIDDEN, html::sign_in(Some(html::ANOTHER_SITE), "")));
    }
    let (id, secret) =
        (form::field(request.body(), "accessKeyId"), form::field(request.body(), "secretAccessKey"));
    let next = form::field(request.body(), "next").unwrap_or_default();
    let cookie = match id.zip(secret) {
        Some((id, secret)) => access.sign_in(service, request, id.trim(), secret.trim())?,
        None => None,
    };
    Ok(match cookie {
        Some(cookie) => to_the_page(cookie, &next),
        None => page(StatusCode::FORBIDDEN, html::sign_in(Some(html::WRONG_KEY), &next)),
    })
}

/// Ends a session.
pub(crate) fn sign_out(access: &PageAccess, request: &ReceivedRequest) -> Reply {
    if !access.is_asked_under_our_name(request) {
        return wrong_host();
    }
    let form_token = form::field(request.body(), "form").unwrap_or_default();
    match access.sign_out(request, &form_token).filter(|_| comes_from_our_page(request)) {
        Some(cookie) => to_the_page(cookie, ""),
        None => page(StatusCode::FORBIDDEN, html::sign_in(Some(html::ANOTHER_SITE), "")),
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

/// A link with the token may lead to a view: everything else in its query stays.
fn without_token(raw_query: &str) -> String {
    let others: Vec<&str> = raw_query.split('&').filter(|pair| !pair.starts_with("token=")).collect();
    others.join("&")
}

fn to_the_page(cookie: HeaderValue, raw_query: &str) -> Reply {
    let target = if raw_query.is_empty() { "/".to_owned() } else { format!("/?{raw_query}") };
    // A query in a request line has no character that a header could not have; of a form, what has one is left out.
    let location = HeaderValue::try_from(target).unwrap_or(HeaderValue::from_static("/"));
    page(StatusCode::SEE_OTHER, String::new()).header(LOCATION, location).header(SET_COOKIE, cookie)
}

fn wrong_host() -> Reply {
    page(StatusCode::MISDIRECTED_REQUEST, html::wrong_host())
}

/// With `no-referrer` browsers would hide from us too where a form was.
fn page(status: StatusCode, html: String) -> Reply {
    Reply::new(status, HTML, html)
        .header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .header(REFERRER_POLICY, HeaderValue::from_static("same-origin"))
        .header(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}
