//! An answer before it becomes HTTP, and the headers that every answer has.

use bytes::Bytes;
use farmtally_model::Timestamp;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, DATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::reply_body::ReplyBody;
use crate::request_id::RequestId;

const X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Status, headers and body.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: ReplyBody,
}

impl Reply {
    /// A JSON body.
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", body)
    }

    /// A text for people.
    pub(crate) fn text(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text)
    }

    /// A body of the given type.
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::with_body(status, content_type, ReplyBody::whole(body))
    }

    /// A body that may still have to be made.
    pub(crate) fn with_body(status: StatusCode, content_type: &'static str, body: ReplyBody) -> Self {
        let reply = Self { status, headers: HeaderMap::new(), body };
        reply.header(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: ReplyBody::whole(Bytes::new()),
        }
    }

    /// 304: the client has it already.
    pub(crate) fn not_modified() -> Self {
        Self {
            status: StatusCode::NOT_MODIFIED,
            headers: HeaderMap::new(),
            body: ReplyBody::whole(Bytes::new()),
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Ends the connection after this answer, because the rest of the request was not read.
    pub(crate) fn closing(self) -> Self {
        self.header(CONNECTION, HeaderValue::from_static("close"))
    }

    pub(crate) fn body(&mut self) -> &mut ReplyBody {
        &mut self.body
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Adds what every answer has. The date is the one that signatures are judged by, so that a client whose clock is
    /// wrong can correct itself.
    pub(crate) fn into_response(self, request_id: RequestId, now: Timestamp) -> Response<ReplyBody> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        *headers = self.headers;
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
            headers.insert(X_AMZN_REQUEST_ID, id);
        }
        if let Some(date) = http_date(now) {
            headers.insert(DATE, date);
        }
        response
    }
}

/// `Mon, 24 Nov 2025 22:00:00 GMT`.
fn http_date(now: Timestamp) -> Option<HeaderValue> {
    let instant = jiff::Timestamp::from_millisecond(now.millis()).ok()?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&instant).ok()?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_the_one_of_the_clock_in_the_form_of_http() {
        let now = Timestamp::parse("2025-11-24T22:00:00.999Z").unwrap();
        assert_eq!(http_date(now).unwrap(), "Mon, 24 Nov 2025 22:00:00 GMT");
    }
}
