//! What farmtally's own API is, for programs and for people.
//!
//! The paths of the document are made of the table that requests are routed by and of the parsers' own lists of
//! parameters, and its schemas are derived from the types that are read and written.

use farmtally_wire::native::{
    Answer, Farms, Problem, QUERY_PARAMETERS, Query, SESSIONS_IN_TABLE_MAX, Sessions, VALUES_MAX, Values,
};
use http::HeaderValue;
use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::api_page;
use super::other_tool::TOOLS;
use super::table::{Native, NativeRoute, ROUTES, WayIn};
use crate::refusal::Refusal;
use crate::reply::Reply;

/// Nothing but the text of the page itself and its style.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

#[derive(OpenApi)]
#[openapi(components(schemas(Answer, Query, Problem, Farms, Values, Sessions)))]
struct Schemas;

/// Answers a route that tells of the API and of no farm.
pub(crate) fn answer(native: Native) -> Result<Reply, Refusal> {
    let document = document().map_err(Refusal::internal)?;
    Ok(match native {
        Native::ApiDocument => Reply::json(StatusCode::OK, document.to_string()),
        Native::ApiStyle => Reply::new(StatusCode::OK, "text/css; charset=utf-8", api_page::STYLE),
        _ => Reply::new(StatusCode::OK, "text/html; charset=utf-8", page(&document)?)
            .header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    })
}

fn page(document: &Value) -> Result<String, Refusal> {
    api_page::html(document).map_err(Refusal::internal)
}

/// The document, OpenAPI 3.1.
fn document() -> Result<Value, serde_json::Error> {
    let schemas = serde_json::to_value(Schemas::openapi())?["components"]["schemas"].take();
    let mut paths = Map::new();
    for route in &ROUTES {
        let path = paths.entry(route.template).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation(route);
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "farmtally",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Records in and out, and questions about usage",
            "description": "The operations of AWS Deadline Cloud are described by AWS's own model and are not in here.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security_schemes() },
    }))
}

fn security_schemes() -> Value {
    json!({
        "signature": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "AWS Signature Version 4 with the service `deadline`",
            "x-amazon-apigateway-authtype": "awsSigv4",
        },
        "page": {
            "type": "apiKey", "in": "cookie", "name": "farmtally-page",
            "description": "The cookie of the page; its name ends in a hyphen and the server's port. For reading only",
        },
    })
}

fn operation(route: &NativeRoute) -> Value {
    let mut parameters = labels(route.template);
    parameters.extend(parameters_of(route.native));
    let mut operation = json!({
        "operationId": route.name,
        "summary": summary(route.native),
        "parameters": parameters,
        "responses": responses(route),
        "security": match route.way_in {
            WayIn::Signature => json!([{ "signature": [] }]),
            WayIn::SignatureOrPage => json!([{ "signature": [] }, { "page": [] }]),
            WayIn::Open => json!([]),
        },
    });
    match route.native {
        Native::QueryUsage => operation["requestBody"] = json!({ "content": content(&reference("Query")) }),
        Native::SendSessions | Native::AmendCosts => {
            let what = match route.native {
                Native::AmendCosts => "JSON Lines, a stored record with other costs a line",
                _ => "JSON Lines, a session or volume a line",
            };
            let lines = json!({ "type": "string", "description": what });
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/jsonl": { "schema": lines } } });
        }
        _ => {}
    }
    operation
}

fn summary(native: Native) -> &'static str {
    match native {
        Native::SendSessions => "Takes sessions and volumes in",
        Native::AmendCosts => "Gives stored records other costs",
        Native::DeleteSession => "Takes a session out",
        Native::DeleteVolume => "Takes a volume out",
        Native::ListReadableFarms => "The farms that may be read, and what they have",
        Native::QueryUsage => "Answers the question in the body",
        Native::QueryUsageByUrl => "Answers the question in the query string",
        Native::ListUsageValues => "Values of a dimension, by name",
        Native::ListUsageSessions => "The sessions behind a number, newest first",
        Native::ApiDocument => "This document",
        Native::ApiPage => "This document for people",
        Native::ApiStyle => "The style of that page",
    }
}

/// The labels of a path.
fn labels(template: &str) -> Vec<Value> {
    let labels = template.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let label = |name: &str| {
        let kind = name.strip_suffix("Id").unwrap_or(name);
        let schema = json!({ "type": "string", "pattern": format!("^{kind}-[0-9a-f]{{32}}$") });
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    };
    labels.map(label).collect()
}

fn parameters_of(native: Native) -> Vec<Value> {
    let text = json!({ "type": "string" });
    let parameter = |name: &str, schema: &Value, description: &str| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let limit = |max: usize| {
        parameter(
            "limit",
            &json!({ "type": "integer", "minimum": 1, "maximum": max }),
            "Most elements of the list",
        )
    };
    let forms = json!({ "type": "string", "enum": ["json", "csv", "arrow", "parquet"] });
    let form = parameter("format", &forms, "The form of the answer, instead of the header Accept");
    let pattern = || parameter("pattern", &text, "A pattern that is named by its label: show:^([a-z]+)_");
    match native {
        Native::QueryUsage => question_forms().into(),
        Native::QueryUsageByUrl => question_parameters().chain(question_forms()).collect(),
        Native::ListUsageSessions => {
            let cursor = parameter("cursor", &text, "The nextCursor of the list before");
            question_parameters().chain([cursor, limit(SESSIONS_IN_TABLE_MAX), form]).collect()
        }
        Native::ListUsageValues => {
            let mut dimension = parameter("dimension", &text, "A dimension, or the label of a pattern");
            dimension["required"] = true.into();
            let prefix = parameter("prefix", &text, "What the name or the id begins with, in any case");
            let contains = parameter("contains", &text, "What the name or the id has in it, in any case");
            vec![dimension, prefix, contains, pattern(), limit(VALUES_MAX)]
        }
        _ => Vec::new(),
    }
}

/// What a question has beside it: the form of its answer, or the tool that a text is for.
fn question_forms() -> [Value; 2] {
    let tools = TOOLS.iter().map(|(_, word)| *word);
    let forms: Vec<&str> = ["json", "csv", "arrow", "parquet"].into_iter().chain(tools).collect();
    let format = "The form of the answer, instead of the header Accept; or the tool that the question is written for, as a text";
    let folder = "The data folder that such a text names; DIR without it";
    [
        json!({ "name": "format", "in": "query", "description": format, "schema": { "type": "string", "enum": forms } }),
        json!({ "name": "folder", "in": "query", "description": folder, "schema": { "type": "string" } }),
    ]
}

/// The parameters that a question has in a query string, as the parser knows them.
fn question_parameters() -> impl Iterator<Item = Value> {
    QUERY_PARAMETERS.iter().map(|(name, may_repeat)| {
        let one = match *name {
            "top" | "rowsMax" => json!({ "type": "integer", "minimum": 1 }),
            "other" => json!({ "type": "boolean" }),
            _ => json!({ "type": "string" }),
        };
        let schema = if *may_repeat { json!({ "type": "array", "items": one }) } else { one };
        json!({ "name": name, "in": "query", "schema": schema })
    })
}

fn responses(route: &NativeRoute) -> Value {
    let described =
        |description: &str, content: Value| json!({ "description": description, "content": content });
    let done = match route.native {
        Native::QueryUsage | Native::QueryUsageByUrl => described("The answer", forms_of("Answer")),
        Native::ListReadableFarms => described("The farms", content(&reference("Farms"))),
        Native::ListUsageValues => described("The values", content(&reference("Values"))),
        Native::ListUsageSessions => described("The sessions", forms_of("Sessions")),
        Native::SendSessions | Native::AmendCosts => {
            described("What became of each line", content(&json!({ "type": "object" })))
        }
        Native::ApiDocument => described("This document", content(&json!({ "type": "object" }))),
        Native::ApiPage => described("A page", json!({ "text/html": {} })),
        Native::ApiStyle => described("A style sheet", json!({ "text/css": {} })),
        Native::DeleteSession | Native::DeleteVolume => {
            return json!({ "204": { "description": "It is gone" }, "default": problem() });
        }
    };
    match route.way_in {
        WayIn::Open => json!({ "200": done }),
        _ => json!({ "200": done, "default": problem() }),
    }
}

/// A document, or tables of the same.
fn forms_of(schema: &str) -> Value {
    let binary = json!({});
    json!({
        "application/json": { "schema": reference(schema) },
        "text/csv": { "schema": { "type": "string" } },
        "application/vnd.apache.arrow.stream": binary,
        "application/vnd.apache.parquet": binary,
    })
}

fn problem() -> Value {
    json!({ "description": "What is wrong, and what to do", "content": content(&reference("Problem")) })
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_nothing_else() {
        let document = document().unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(described, ROUTES.len());
        for route in &ROUTES {
            let operation = &paths[route.template][route.method.to_ascii_lowercase()];
            assert_eq!(operation["operationId"], route.name);
            assert_eq!(operation["security"].as_array().unwrap().is_empty(), route.way_in == WayIn::Open);
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document().unwrap();
        let text = document.to_string();
        let names = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        let mut count = 0;
        for name in names {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
            count += 1;
        }
        assert!(count > 10, "{text}");
    }
}
