//! Browsers that bring a key: what they see, what a form has to bring, and how it ends.

use farmtally_service::Role;

use crate::client::{Answer, Call, Key};
use crate::door::{FARM, Farmtally, OTHER_FARM};
use crate::records::session;

const HOST: &str = "localhost:8037";

fn encoded(text: &str) -> String {
    text.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('&', "%26")
}

fn form(key: &Key) -> String {
    format!("accessKeyId={}&secretAccessKey={}", key.access_key_id, encoded(&key.secret))
}

fn post(target: &str, body: &str, headers: &[(&'static str, &str)]) -> Vec<u8> {
    let mut call = Call::post(target, body).host(HOST);
    call.headers.clear();
    for (name, value) in headers {
        call = call.header(name, *value);
    }
    call.unsigned()
}

fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", answer.text()));
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

pub(crate) fn sign_in(farmtally: &Farmtally, key: &Key) -> String {
    let answer = farmtally.send(&post("/sign-in", &form(key), &[]));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    cookie(&answer)
}

fn visit(farmtally: &Farmtally, cookie: &str) -> Answer {
    farmtally.send(&Call::get("/").host(HOST).header("cookie", cookie).unsigned())
}

#[test]
fn a_reader_sees_the_farms_of_their_key_and_no_other() {
    let farmtally = Farmtally::start();
    farmtally.ingest(&[session(1)]);
    let seen = |role, farm_id| {
        let answer = visit(&farmtally, &sign_in(&farmtally, &farmtally.create_key(role, farm_id)));
        (answer.status, answer.text().contains("Comet"), answer.text().contains(">Other</a>"))
    };
    assert_eq!(seen(Role::Reader, None), (200, true, true));
    assert_eq!(seen(Role::Reader, Some(FARM)), (200, true, false));
    assert_eq!(seen(Role::Admin, Some(OTHER_FARM)), (200, false, true));
    assert_eq!(seen(Role::Ingester, None), (403, false, false));
}

#[test]
fn only_a_working_key_with_its_secret_opens_a_session() {
    let farmtally = Farmtally::start();
    let disabled = farmtally.create_key(Role::Admin, None);
    farmtally.service.key_administration().disable(&disabled.access_key_id, farmtally.service.now()).unwrap();
    let wrong = Key { secret: "x".into(), ..farmtally.key.clone() };
    let nobody = Key { access_key_id: "FTAKNOBODY".into(), secret: String::new() };
    let bodies =
        [form(&disabled), form(&wrong), form(&nobody), String::new(), "accessKeyId=%ff".into(), "\0".into()];
    for body in bodies {
        let answer = farmtally.send(&post("/sign-in", &body, &[]));
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{body}");
        assert!(answer.text().contains("not a working key"), "{}", answer.text());
    }
}

#[test]
fn signing_in_leads_back_to_the_view_that_was_asked_for() {
    let farmtally = Farmtally::start();
    let view = "farm=x&where=user%3D%22a%26b%22&by=Show:^(a)";
    let asked = farmtally.send(&Call::get(format!("/?{view}")).host(HOST).unsigned());
    let shown = format!("name=\"next\" value=\"{}\"", view.replace('&', "&amp;"));
    assert!(asked.status == 403 && asked.text().contains(&shown), "{}", asked.text());
    let encoded = view.replace('%', "%25").replace('&', "%26");
    for (next, location) in [
        (encoded.as_str(), format!("/?{view}")),
        ("//evil.example", "/?//evil.example".to_owned()),
        ("a%0d%0aset-cookie:x", "/".to_owned()),
        ("", "/".to_owned()),
    ] {
        let body = format!("{}&next={next}", form(&farmtally.key));
        let answer = farmtally.send(&post("/sign-in", &body, &[]));
        assert_eq!((answer.status, answer.header("location")), (303, Some(location.as_str())), "{next}");
        let wrong = format!("accessKeyId=a&secretAccessKey=b&next={next}");
        assert!(farmtally.send(&post("/sign-in", &wrong, &[])).text().contains("name=\"next\""));
    }
}

#[test]
fn a_form_on_another_site_does_nothing() {
    let farmtally = Farmtally::start();
    let body = form(&farmtally.key);
    for headers in [
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", "null"), ("sec-fetch-site", "same-origin")],
        [("origin", "http://localhost:8037"), ("sec-fetch-site", "same-site")],
        [("origin", "http://localhost:8038"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = farmtally.send(&post("/sign-in", &body, &headers));
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{headers:?}");
    }
    let own = [("origin", "http://localhost:8037"), ("sec-fetch-site", "same-origin")];
    assert_eq!(farmtally.send(&post("/sign-in", &body, &own)).status, 303);
    let mut call = Call::post("/sign-in", body).host("evil.example");
    call.headers.clear();
    assert_eq!(farmtally.send(&call.unsigned()).status, 421);
}

#[test]
fn signing_out_takes_a_token_that_only_the_page_knows() {
    let farmtally = Farmtally::start();
    let cookie = sign_in(&farmtally, &farmtally.key);
    let page = visit(&farmtally, &cookie).text().to_owned();
    let token = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    for body in ["", "form=", "form=0", &format!("form={}", token.replace(&token[..1], "x"))] {
        assert_eq!(farmtally.send(&post("/sign-out", body, &[("cookie", &cookie)])).status, 403, "{body}");
    }
    assert_eq!(visit(&farmtally, &cookie).status, 200);
    let answer = farmtally.send(&post("/sign-out", &format!("form={token}"), &[("cookie", &cookie)]));
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(visit(&farmtally, &cookie).status, 403);
}

#[test]
fn a_session_ends_with_its_key_and_with_the_day() {
    let farmtally = Farmtally::start();
    let cookie = sign_in(&farmtally, &farmtally.key);
    farmtally.clock.advance_ms(12 * 3_600_000 - 1);
    assert_eq!(visit(&farmtally, &cookie).status, 200);
    farmtally.clock.advance_ms(1);
    assert_eq!(visit(&farmtally, &cookie).status, 403);
    let name = cookie.split('=').next().unwrap();
    for forged in [format!("{name}="), format!("{name}={}", "0".repeat(64)), "a=b".into()] {
        assert_eq!(visit(&farmtally, &forged).status, 403);
    }
}
