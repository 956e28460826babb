//! The document of the API as a page: no script, nothing from elsewhere.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use crate::page::Escaped;

/// The page's style sheet.
pub(super) const STYLE: &str = include_str!("api.css");

/// The page of a document.
pub(super) fn html(document: &Value) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let info = &document["info"];
    let (title, version) = (text(&info["title"]), text(&info["version"]));
    write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>API of {}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/api/docs.css\">\
         </head><body><main><h1>API of {} {}</h1><p>{}. {}</p>\
         <p><a href=\"/api/v1/openapi.json\">The same for programs</a> (OpenAPI 3.1)</p>",
        Escaped(title),
        Escaped(title),
        Escaped(version),
        Escaped(text(&info["summary"])),
        Escaped(text(&info["description"])),
    )?;
    for (path, operations) in object(&document["paths"]) {
        for (method, operation) in object(operations) {
            add_operation(&mut page, method, path, operation)?;
        }
    }
    page.push_str("<h2>Schemas</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        add_schema(&mut page, name, schema)?;
    }
    page.push_str("</main></body></html>");
    Ok(page)
}

fn add_operation(page: &mut String, method: &str, path: &str, operation: &Value) -> fmt::Result {
    let id = Escaped(text(&operation["operationId"]));
    write!(
        page,
        "<section id=\"{id}\"><h2><b>{}</b> <code>{}</code></h2><p>{}.</p>",
        Escaped(&method.to_ascii_uppercase()),
        Escaped(path),
        Escaped(text(&operation["summary"])),
    )?;
    if let Some(parameters) = operation["parameters"].as_array().filter(|parameters| !parameters.is_empty()) {
        page.push_str("<table><thead><tr><th scope=\"col\">Parameter</th><th scope=\"col\">In</th><th scope=\"col\">What it is</th></tr></thead><tbody>");
        for parameter in parameters {
            write!(
                page,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{} {}</td></tr>",
                Escaped(text(&parameter["name"])),
                Escaped(text(&parameter["in"])),
                Escaped(text(&parameter["description"])),
                Escaped(&kind(&parameter["schema"])),
            )?;
        }
        page.push_str("</tbody></table>");
    }
    page.push_str("<ul>");
    for (status, response) in object(&operation["responses"]) {
        write!(page, "<li>{}: {}", Escaped(status), Escaped(text(&response["description"])))?;
        for (media_type, content) in object(&response["content"]) {
            write!(page, " <code>{}</code> {}", Escaped(media_type), link(&content["schema"]))?;
        }
        page.push_str("</li>");
    }
    page.push_str("</ul></section>");
    Ok(())
}

fn add_schema(page: &mut String, name: &str, schema: &Value) -> fmt::Result {
    write!(
        page,
        "<section id=\"schema-{0}\"><h3><code>{0}</code></h3><p>{1}</p>",
        Escaped(name),
        Escaped(text(&schema["description"])),
    )?;
    let parts: Vec<&Value> = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().collect(),
        None => vec![schema],
    };
    for part in parts {
        if part["$ref"].is_string() {
            write!(page, "<p>Everything of {}, and</p>", link(part))?;
        }
        let properties = object(&part["properties"]);
        if properties.len() == 0 {
            continue;
        }
        page.push_str("<table><tbody>");
        for (name, property) in properties {
            write!(
                page,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td></tr>",
                Escaped(name),
                link(property),
                Escaped(text(&property["description"])),
            )?;
        }
        page.push_str("</tbody></table>");
    }
    page.push_str("</section>");
    Ok(())
}

/// What a schema is, as a link where it has a name.
fn link(schema: &Value) -> String {
    let referred = match schema["type"].as_str() {
        Some("array") => &schema["items"],
        _ => schema,
    };
    match referred["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        Some(name) => {
            let many = if schema["items"].is_object() { "list of " } else { "" };
            format!("{many}<a href=\"#schema-{0}\">{0}</a>", Escaped(name))
        }
        None => Escaped(&kind(schema)).to_string(),
    }
}

/// The type of a schema, and its bounds.
fn kind(schema: &Value) -> String {
    let mut kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    };
    if let Some(values) = schema["enum"].as_array() {
        kind += ": ";
        kind += &values.iter().map(text).collect::<Vec<_>>().join(", ");
    }
    for (name, word) in [("minimum", "least"), ("maximum", "most")] {
        if !schema[name].is_null() {
            kind.extend([", ", word, " ", &schema[name].to_string()]);
        }
    }
    kind
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn object(value: &Value) -> serde_json::map::Iter<'_> {
    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NOTHING).iter()
}
