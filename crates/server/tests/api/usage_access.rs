//! Who may ask about usage: by a signature, or by a cookie of the page under our own name, and nobody else.

use farmtally_service::Role;

use crate::client::{Answer, Call};
use crate::door::{FARM, Farmtally, OTHER_FARM};
use crate::sign_in::sign_in;
use crate::usage::{path, studio};

const HOST: &str = "localhost:8037";

fn browse(farmtally: &Farmtally, call: Call, cookie: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut call = if call.host.starts_with("management.") { call.host(HOST) } else { call };
    for (name, value) in headers {
        call = call.header(name, *value);
    }
    farmtally.send(&call.header("cookie", cookie).unsigned())
}

fn link(farmtally: &Farmtally) -> String {
    format!("farmtally-page-{}=page-token", farmtally.address().port())
}

#[test]
fn whoever_has_the_link_reads_every_farm_and_changes_none() {
    let farmtally = studio();
    let cookie = link(&farmtally);
    let farms = browse(&farmtally, Call::get("/api/v1/farms"), &cookie, &[]).ok();
    assert_eq!(farms["farms"].as_array().unwrap().len(), 2);
    let own = [("origin", "http://localhost:8037"), ("sec-fetch-site", "same-origin")];
    let answer = browse(&farmtally, Call::post(path("query"), "{}"), &cookie, &own).ok();
    assert_eq!(answer["total"]["sessions"], 4);
    for typed in ["query", "values?dimension=user", "sessions"] {
        assert_eq!(
            browse(&farmtally, Call::get(path(typed)), &cookie, &[("sec-fetch-site", "none")]).status,
            200
        );
    }
    let send = browse(&farmtally, Call::post(path("sessions"), "{}"), &cookie, &own);
    send.error(403, "MissingAuthenticationTokenException");
    let aws = browse(&farmtally, Call::get("/2023-10-12/farms"), &cookie, &own);
    aws.error(403, "MissingAuthenticationTokenException");
}

#[test]
fn whoever_signed_in_reads_what_the_key_may() {
    let farmtally = studio();
    let status = |role, farm_id| {
        let cookie = sign_in(&farmtally, &farmtally.create_key(role, farm_id));
        let query = browse(&farmtally, Call::get(path("query")), &cookie, &[]).status;
        let farms = browse(&farmtally, Call::get("/api/v1/farms"), &cookie, &[]);
        let farms = if farms.status == 200 { farms.json()["farms"].as_array().unwrap().len() } else { 0 };
        (query, farms)
    };
    assert_eq!(status(Role::Reader, None), (200, 2));
    assert_eq!(status(Role::Reader, Some(FARM)), (200, 1));
    assert_eq!(status(Role::Admin, Some(OTHER_FARM)), (404, 1));
    assert_eq!(status(Role::Ingester, None), (403, 0));
}

#[test]
fn a_cookie_counts_for_nothing_under_another_name_or_from_another_site() {
    let farmtally = studio();
    let cookie = link(&farmtally);
    let refused = |call: Call, cookie: &str, headers: &[(&'static str, &str)]| {
        let answer = browse(&farmtally, call, cookie, headers);
        answer.error(403, "MissingAuthenticationTokenException");
    };
    refused(Call::get(path("query")).host("evil.example"), &cookie, &[]);
    refused(Call::get(path("query")).host("localhost.evil.example"), &cookie, &[]);
    for site in ["cross-site", "same-site", ""] {
        refused(Call::get(path("query")), &cookie, &[("sec-fetch-site", site)]);
    }
    refused(Call::post(path("query"), "{}"), &cookie, &[("origin", "http://evil.example")]);
    refused(Call::post(path("query"), "{}"), &cookie, &[("origin", "null")]);
    refused(Call::get(path("query")), "", &[]);
    refused(Call::get(path("query")), &cookie[..cookie.len() - 1], &[]);
    refused(Call::get(path("query?token=page-token")), "", &[]);
}

#[test]
fn a_signature_is_judged_whatever_cookies_come_with_it() {
    let farmtally = studio();
    let call = Call::get(path("query")).host(HOST).header("cookie", link(&farmtally));
    let ingester = farmtally.create_key(Role::Ingester, None);
    farmtally.call_as(&ingester, call.clone()).error(403, "AccessDeniedException");
    assert_eq!(farmtally.call(call).status, 200);
}
