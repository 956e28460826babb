//! A question about usage, by body or by query string.

use std::sync::atomic::AtomicBool;

use farmtally_model::FarmId;
use farmtally_service::Service;
use farmtally_wire::native::{Query, parse_query_string};
use http::header::{CONTENT_DISPOSITION, VARY};
use http::{HeaderValue, StatusCode};

use super::form::{self, Form};
use super::other_tool::{self, Tool};
use super::parts::AnswerParts;
use crate::gate::VerifiedRequest;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::reply_body::ReplyBody;

/// Parameters beside those of a question: in which form the answer goes out, and the folder that a text for another tool names.
const BESIDE: [&str; 2] = ["format", "folder"];

pub(super) fn by_body(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    // Beside a body only the form is taken from the query string; a question in both would be two.
    let beside = parse_query_string(request.raw_query(), &BESIDE)?;
    if beside != Query::default() {
        let error = farmtally_model::question::QuestionError::new(
            "query",
            request.raw_query(),
            "the question is given in the body and in the query string",
        );
        return Err(error.hint("ask by GET, or put all of it into the body").into());
    }
    answer(service, request, farm_id, &Query::parse(request.body())?, cancelled)
}

pub(super) fn by_url(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    let query = parse_query_string(request.raw_query(), &BESIDE)?;
    answer(service, request, farm_id, &query, cancelled)
}

fn answer(
    service: &Service,
    request: &VerifiedRequest,
    farm_id: FarmId,
    query: &Query,
    cancelled: &AtomicBool,
) -> Result<Reply, Refusal> {
    if let Some(tool) = Tool::of_request(request) {
        return other_tool::answer(service, request, farm_id, query, tool, cancelled);
    }
    let form = Form::of_request(request)?;
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
