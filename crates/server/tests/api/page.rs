//! The usage explorer: who may open it, its files, and what a browser without scripts gets. Its numbers are the native API's.

use crate::client::{Answer, Call};
use crate::door::{FARM, Farmtally, Setup};
use crate::records::session;

const HOSTILE: &str = "</code><script>alert('\"&')</script>";

fn visit(farmtally: &Farmtally, target: &str, host: &str, cookie: Option<&str>) -> Answer {
    let call = Call::get(target).host(host);
    let call = match cookie {
        Some(cookie) => call.header("cookie", cookie),
        None => call,
    };
    farmtally.send(&call.unsigned())
}

fn cookie(farmtally: &Farmtally) -> String {
    format!("farmtally-page-{}=page-token", farmtally.address().port())
}

fn page(farmtally: &Farmtally) -> String {
    let answer = visit(farmtally, "/", "localhost:8037", Some(&cookie(farmtally)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().to_owned()
}

fn assert_page_headers(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn the_link_gives_a_cookie_and_leads_to_the_page() {
    let farmtally = Farmtally::start();
    let host = farmtally.address().to_string();
    let answer = visit(&farmtally, "/?token=page-token", &host, None);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_page_headers(&answer);
    let set_cookie = answer.header("set-cookie").unwrap();
    assert_eq!(set_cookie, format!("{}; HttpOnly; SameSite=Strict; Path=/", cookie(&farmtally)));
    let answer = visit(&farmtally, "/", &host, set_cookie.split(';').next());
    assert_eq!(answer.status, 200);
    assert_page_headers(&answer);
    assert!(answer.text().contains("Comet"));
}

#[test]
fn without_the_token_there_is_a_page_that_says_how_to_get_in() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let cookie = cookie(&farmtally);
    for (target, cookie) in [
        ("/", None),
        ("/?token=", None),
        ("/?token=page-toke", None),
        ("/?token=page-token2", None),
        ("/?Token=page-token", None),
        ("/", Some(cookie[..cookie.len() - 1].to_owned())),
        ("/", Some("farmtally-page-1=page-token".into())),
    ] {
        let answer = visit(&farmtally, target, "localhost", cookie.as_deref());
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{target} {cookie:?}");
        assert!(answer.text().contains("Open the link that farmtally printed"));
        assert!(!answer.text().contains("Comet"));
        assert_page_headers(&answer);
    }
}

#[test]
fn a_server_without_a_token_shows_the_page_to_nobody() {
    let farmtally = Farmtally::with(Setup { page_token: None, ..Setup::default() });
    let empty_cookie = format!("farmtally-page-{}=", farmtally.address().port());
    for (target, cookie) in [("/", None), ("/?token=", None), ("/", Some(empty_cookie.as_str()))] {
        assert_eq!(visit(&farmtally, target, "localhost", cookie).status, 403);
    }
}

#[test]
fn a_name_that_is_not_this_machines_gets_nothing() {
    let farmtally = Farmtally::start();
    let cookie = cookie(&farmtally);
    for host in ["evil.example", "localhost.evil.example:8037", "192.0.2.1", "management.127.0.0.1"] {
        for (target, cookie) in [("/", Some(cookie.as_str())), ("/?token=page-token", None)] {
            let answer = visit(&farmtally, target, host, cookie);
            assert_eq!((answer.status, answer.header("set-cookie")), (421, None), "{host}");
            assert!(!answer.text().contains("Comet"));
        }
    }
}

#[test]
fn a_link_with_a_token_may_lead_to_a_view() {
    let farmtally = Farmtally::start();
    for (query, location) in [
        ("token=page-token&last=7d&by=queue,user", "/?last=7d&by=queue,user"),
        ("by=user&token=page-token", "/?by=user"),
        ("token=page-token&where=queue%3Da%26b", "/?where=queue%3Da%26b"),
        ("token=page-token&", "/"),
    ] {
        let answer = visit(&farmtally, &format!("/?{query}"), "localhost", None);
        assert_eq!((answer.status, answer.header("location")), (303, Some(location)), "{query}");
    }
}

/// The paths of everything that a page refers to.
fn references(page: &str) -> Vec<&str> {
    let of = |mark| page.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    of("src=\"").chain(of("href=\"")).filter(|path| path.starts_with("/assets/")).collect()
}

#[test]
fn every_file_of_the_page_is_served_to_anybody_and_kept_for_ever() {
    let farmtally = Farmtally::start();
    let page = page(&farmtally);
    let paths = references(&page);
    for ending in ["/app.css", "/main.js", "/echarts.js", "/icon.svg"] {
        assert!(paths.iter().any(|path| path.ends_with(ending)), "{ending} is not in {paths:?}");
    }
    for path in paths {
        let answer = visit(&farmtally, path, "localhost", None);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert_eq!(answer.header("content-encoding"), None, "{path}");
        let etag = answer.header("etag").unwrap();
        let again = Call::get(path).host("localhost").header("if-none-match", etag);
        let again = farmtally.send(&again.unsigned());
        assert_eq!((again.status, again.text(), again.header("etag")), (304, "", Some(etag)), "{path}");
    }
}

#[test]
fn files_travel_compressed_to_whoever_takes_that() {
    let farmtally = Farmtally::start();
    let page = page(&farmtally);
    let echarts = references(&page).into_iter().find(|path| path.ends_with("/echarts.js")).unwrap();
    let plain = visit(&farmtally, echarts, "localhost", None);
    let call = Call::get(echarts).host("localhost").header("accept-encoding", "gzip, deflate, br");
    let compressed = farmtally.send(&call.unsigned());
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.header("vary"), Some("accept-encoding"));
    let length = |answer: &Answer| answer.header("content-length").unwrap().parse::<usize>().unwrap();
    assert!(3 * length(&compressed) < length(&plain), "{} {}", length(&compressed), length(&plain));
}

#[test]
fn a_file_of_another_version_is_not_there() {
    let farmtally = Farmtally::start();
    for path in ["/assets/app.css", "/assets/0000000000000000/app.css", "/assets/", "/assets/../Cargo.toml"] {
        assert_eq!(visit(&farmtally, path, "localhost", None).status, 404, "{path}");
    }
}

#[test]
fn farms_are_listed_for_browsers_without_scripts() {
    let farmtally = Farmtally::start();
    let page = page(&farmtally);
    let list = page.split("<noscript>").nth(1).unwrap().split("</noscript>").next().unwrap();
    let link =
        format!("<a href=\"/api/v1/farms/{FARM}/query?last=30d&amp;by=queue,user&amp;format=csv\">Comet</a>");
    assert!(list.contains(&link), "{list}");
}

#[test]
fn names_that_somebody_else_chose_are_shown_and_not_obeyed() {
    let farmtally = Farmtally::start();
    let name = farmtally_model::DisplayName::new(HOSTILE).unwrap();
    farmtally.service.create_farm(farmtally_model::FarmId::from_bytes([1; 16]), name, "tests").unwrap();
    let page = page(&farmtally);
    assert!(!page.contains("<script>") && !page.contains("alert('"), "{page}");
    assert!(
        page.contains("&lt;/code&gt;&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"),
        "{page}"
    );
}
