//! A question about usage, by body or by query string.

use std::sync::atomic::AtomicBool;

use farmtally_model::FarmId;
use farmtally_service::Service;
use farmtally_wire::native::{Query, parse_query_string};
use http::header::{CONTENT_DISPOSITION, VARY};
use http::{HeaderValue, StatusCode};

use super::form::{self, Form};
use super::parts::AnswerParts;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::reply_body::ReplyBody;

pub(super) fn by_body(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    // Beside a body only the form is taken from the query string; a question in both would be two.
    let form = Form::of_request(request)?;
    let beside = parse_query_string(request.raw_query(), &["format"])?;
    if beside != Query::default() {
        let error = farmtally_model::question::QuestionError::new(
            "query",
            request.raw_query(),
            "the question is given in the body and in the query string",
        );
        return Err(error.hint("ask by GET, or put all of it into the body").into());
    }
    answer(service, request, farm_id, &Query::parse(request.body())?, form, cancelled)
}

pub(super) fn by_url(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let form = Form::of_request(request)?;
    let query = parse_query_string(request.raw_query(), &["format"])?;
    answer(service, request, farm_id, &query, form, cancelled)
}

fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    query: &Query,
    form: Form,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let question = query.check()?;
    let answer = service.usage(request.caller(), farm_id, &question, cancelled)?;
    let file_name = form::file_name(&answer, form);
    let body = ReplyBody::of(Box::new(AnswerParts::new(answer, form))).map_err(Refusal::internal)?;
    let reply = Reply::with_body(StatusCode::OK, form.content_type(), body);
    let reply = reply.header(VARY, HeaderValue::from_static("accept"));
    Ok(match HeaderValue::try_from(format!("attachment; filename=\"{file_name}\"")) {
        Ok(disposition) if form != Form::Json => reply.header(CONTENT_DISPOSITION, disposition),
        _ => reply,
    })
}
