//! The page's files, as `build.rs` made them: compressed, and under names that change with what is in them, so that a
//! browser keeps each for ever and never asks twice.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request::ReceivedRequest;

/// A file of the page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    gzip: &'static [u8],
}

const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));
/// Where the style sheet is, which the sign-in form uses too.
pub(crate) const STYLESHEET_PATH: &str = include_str!(concat!(env!("OUT_DIR"), "/stylesheet.txt"));
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The asset of a path.
pub(crate) fn find(raw_path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == raw_path)
}

/// Answers a request for an asset.
pub(crate) fn answer(asset: &'static Asset, request: &ReceivedRequest) -> Result<Reply, Refusal> {
    if is_known(request.headers(), asset.etag) {
        return Ok(with_headers(Reply::not_modified(), asset));
    }
    if takes_gzip(request.headers()) {
        let reply = Reply::new(StatusCode::OK, asset.content_type, asset.gzip);
        return Ok(with_headers(reply, asset).header(CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    let mut content = Vec::new();
    GzDecoder::new(asset.gzip).read_to_end(&mut content).map_err(Refusal::internal)?;
    Ok(with_headers(Reply::new(StatusCode::OK, asset.content_type, content), asset))
}

fn with_headers(reply: Reply, asset: &Asset) -> Reply {
    reply
        .header(CACHE_CONTROL, FOR_EVER)
        .header(ETAG, HeaderValue::from_static(asset.etag))
        .header(VARY, HeaderValue::from_static("accept-encoding"))
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    tokens(headers, &IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

/// Whether the client takes gzip. `gzip;q=0` says that it does not.
fn takes_gzip(headers: &HeaderMap) -> bool {
    tokens(headers, &ACCEPT_ENCODING).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        is_gzip && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn tokens<'headers>(
    headers: &'headers HeaderMap,
    name: &http::HeaderName,
) -> impl Iterator<Item = &'headers str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Bytes of the page's own scripts and styles, before compression.
    const SCRIPTS_BYTES_MAX: usize = 60 * 1024;
    const STYLES_BYTES_MAX: usize = 20 * 1024;

    fn content(asset: &Asset) -> Vec<u8> {
        let mut content = Vec::new();
        GzDecoder::new(asset.gzip).read_to_end(&mut content).unwrap();
        content
    }

    fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_pages_own_scripts_and_styles_stay_within_their_budgets() {
        let mut bytes = BTreeMap::<_, usize>::new();
        for asset in ASSETS.iter().filter(|asset| !asset.path.ends_with("/echarts.js")) {
            *bytes.entry(asset.content_type).or_default() += content(asset).len();
        }
        assert!(bytes["text/javascript; charset=utf-8"] <= SCRIPTS_BYTES_MAX, "{bytes:?}");
        assert!(bytes["text/css; charset=utf-8"] <= STYLES_BYTES_MAX, "{bytes:?}");
    }

    #[test]
    fn the_charts_are_apache_echarts_with_its_licence_at_the_top() {
        let echarts = ASSETS.iter().find(|asset| asset.path.ends_with("/echarts.js")).unwrap();
        let text = String::from_utf8(content(echarts)).unwrap();
        assert!(text[..2000].contains("Licensed to the Apache Software Foundation"), "{}", &text[..2000]);
    }

    #[test]
    fn each_path_leads_to_its_asset_and_the_style_sheet_is_one() {
        for asset in ASSETS {
            assert_eq!(find(asset.path), Some(asset));
        }
        assert!(find(STYLESHEET_PATH).is_some(), "{STYLESHEET_PATH}");
        assert_eq!(find("/assets/app.css"), None);
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        for (value, taken) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&headers(ACCEPT_ENCODING, value)), taken, "{value}");
        }
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        for (value, known) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(is_known(&headers(IF_NONE_MATCH, value), "\"a\""), known, "{value}");
        }
    }
}
