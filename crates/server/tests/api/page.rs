//! The overview page: who sees it, and what it says.

use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::door::{FARM, Farmtally, Setup};
use crate::records::{id, running_session, session, with};

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
    for part in ["default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
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
fn the_page_needs_no_script_and_its_style_is_served() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let page = page(&farmtally);
    assert!(!page.contains("<script") && !page.contains(" style=") && !page.contains(" onclick="));
    let href = page.split("<link rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = visit(&farmtally, href, "localhost", None);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(answer.text().contains("prefers-color-scheme: dark"));
}

#[test]
fn names_that_somebody_else_chose_are_shown_and_not_obeyed() {
    let farmtally = Farmtally::start();
    let hostile = json!({ "userId": HOSTILE, "userName": HOSTILE, "queueName": HOSTILE, "jobName": HOSTILE });
    farmtally.ingest(&[with(session(1), hostile)]);
    let page = page(&farmtally);
    assert!(!page.contains("<script") && !page.contains("alert('"), "{page}");
    assert!(
        page.contains("&lt;/code&gt;&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"),
        "{page}"
    );
}

#[test]
fn the_numbers_are_those_of_the_last_thirty_days() {
    let farmtally = Farmtally::start();
    let named = json!({ "queueName": "lighting", "userName": "Alice" });
    let costly = json!({ "queueId": id("queue", 2), "queueName": "comp", "userId": "bob",
                         "usage": [{ "usageType": "COMPUTE", "costInUsd": "1234.5" }] });
    let old = json!({ "startedAt": "2025-10-01T00:00:00Z", "endedAt": "2025-10-02T00:00:00Z" });
    farmtally.ingest(&[
        with(session(1), named),
        with(session(2), costly),
        with(session(3), old),
        running_session(4),
    ]);
    let page = page(&farmtally);
    assert!(page.contains("4 records stored"), "{page}");
    assert!(page.contains("30 days, 2025-10-28 to 2025-11-26 (UTC)"), "{page}");
    assert!(page.contains("<dt>Cost</dt><dd>$1,235.50</dd>"), "{page}");
    assert!(page.contains("<dt>Session time</dt><dd>3.0 h</dd>"), "{page}");
    assert!(page.contains("<dt>Sessions</dt><dd>3</dd>"), "{page}");
    let rows = |name: &str| {
        page.split(&format!(">{name}</th>")).nth(1).unwrap().split("</tr>").next().unwrap().to_owned()
    };
    assert_eq!(rows("comp"), "<td>$1,234.50</td><td>1.0 h</td><td>1</td>");
    assert_eq!(rows("lighting"), "<td>$1.00</td><td>2.0 h</td><td>2</td>");
    assert_eq!(rows("Alice"), "<td>$1.00</td><td>2.0 h</td><td>2</td>");
    assert!(
        page.find(">comp<").unwrap() < page.find(">lighting<").unwrap(),
        "the most expensive comes first"
    );
    assert!(page.contains("<title>2025-11-24: $1,235.50, 2 sessions</title>"), "{page}");
    assert_eq!(page.matches("<title>2025-").count(), 30);
}

#[test]
fn a_farm_whose_usage_is_long_ago_shows_its_latest_days() {
    let farmtally = Farmtally::start();
    let old = json!({ "startedAt": "2014-02-10T00:00:00Z", "endedAt": "2014-02-10T12:00:00Z" });
    farmtally.ingest(&[with(session(1), old)]);
    let page = page(&farmtally);
    assert!(page.contains("30 days, 2014-01-12 to 2014-02-10 (UTC)"), "{page}");
    assert!(page.contains("<dt>Session time</dt><dd>12.0 h</dd>"), "{page}");
}

#[test]
fn costs_are_scaled_as_the_api_scales_them() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let factor = farmtally_model::CostScaleFactor::parse("2.5").unwrap();
    farmtally.service.set_cost_scale_factor(FARM, factor, "tests").unwrap();
    assert!(page(&farmtally).contains("<dt>Cost</dt><dd>$2.50</dd>"));
}

#[test]
fn more_than_ten_queues_and_users_are_added_up() {
    let farmtally = Farmtally::start();
    let lines: Vec<Value> = (1..=25)
        .map(|number| {
            with(session(number), json!({ "queueId": id("queue", number), "userId": format!("u{number}") }))
        })
        .collect();
    farmtally.ingest(&lines);
    let page = page(&farmtally);
    assert_eq!(page.matches("15 others</th><td>$15.00</td><td>15.0 h</td><td>15</td>").count(), 2, "{page}");
    assert!(page.contains("<dt>Cost</dt><dd>$25.00</dd>"), "{page}");
}

#[test]
fn the_recipe_asks_for_the_farm_on_the_page() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let page = page(&farmtally);
    for part in [
        "eval &quot;$(farmtally env --data-dir DIR)&quot;".to_owned(),
        format!("--farm-id {FARM}"),
        format!("{{&quot;queueIds&quot;:[&quot;{}&quot;]}}", id("queue", 1)),
        "get_paginator(&quot;get_sessions_statistics_aggregation&quot;)".to_owned(),
    ] {
        assert!(page.contains(&part), "{part}");
    }
}
