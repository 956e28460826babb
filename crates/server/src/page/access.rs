//! Who may see the page: whoever brings the token, once in the link and from then on in a cookie, and whoever signed in
//! with a key.

use std::net::{IpAddr, SocketAddr};

use farmtally_service::{Caller, Role, Service};
use http::HeaderValue;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use subtle::ConstantTimeEq as _;

use super::session::{self, Sessions, Visitor};
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;

/// Whom the log and the limits of rate know the owner of the link by, who has no key.
const LINK_OWNER: &str = "page-link";

/// What to do with a visitor.
#[derive(Debug)]
pub(super) enum Visit {
    /// Show the page with everything on it: whoever has the link owns the folder.
    Welcome,
    /// Show the page with what somebody's key may see.
    SignedIn(Visitor),
    /// Came by the link: give a cookie and send on to the page, so that the token does not stay in the address bar.
    Arriving { cookie: HeaderValue },
    /// Has neither the token nor a session.
    Stranger,
    /// Asked for another machine's name.
    WrongHost,
}

/// The token, and the names under which this server may be asked for the page.
pub(crate) struct PageAccess {
    token: Option<String>,
    address: SocketAddr,
    /// Other names, in lower case and without a port.
    hosts: Vec<String>,
    sessions: Sessions,
}

impl std::fmt::Debug for PageAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageAccess").field("address", &self.address).finish_non_exhaustive()
    }
}

impl PageAccess {
    /// Without a token nobody sees the page. An empty one is none.
    pub(crate) fn new(token: Option<String>, address: SocketAddr, hosts: Vec<String>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { token: token.filter(|token| !token.is_empty()), address, hosts, sessions: Sessions::default() }
    }

    pub(super) fn judge(&self, service: &Service, request: &ReceivedRequest) -> Result<Visit, Refusal> {
        if !self.is_asked_under_our_name(request) {
            return Ok(Visit::WrongHost);
        }
        let is_tls = request.peer().is_tls;
        if query_token(request.raw_query()).is_some_and(|token| self.is_token(token)) {
            return Ok(self.cookie(is_tls).map_or(Visit::Stranger, |cookie| Visit::Arriving { cookie }));
        }
        if self.has_cookie(cookies(request)) {
            return Ok(Visit::Welcome);
        }
        let visitor = match self.session_text(request) {
            Some(text) => self.sessions.visitor(service, text)?,
            None => None,
        };
        Ok(visitor.map_or(Visit::Stranger, Visit::SignedIn))
    }

    /// Who reads with a cookie of the page, if the request comes from the page or from whoever types an address. The link's
    /// owner reads everything, and nobody does more than read.
    pub(crate) fn reader(
        &self,
        service: &Service,
        request: &ReceivedRequest,
    ) -> Result<Option<Caller>, Refusal> {
        let is_signed = request.headers().contains_key(AUTHORIZATION);
        if is_signed || !self.is_asked_under_our_name(request) || !is_from_ourselves(request) {
            return Ok(None);
        }
        if self.has_cookie(cookies(request)) {
            let access_key_id = LINK_OWNER.to_owned();
            return Ok(Some(Caller { access_key_id, role: Role::Reader, farm_id: None }));
        }
        let visitor = match self.session_text(request) {
            Some(text) => self.sessions.visitor(service, text)?,
            None => None,
        };
        Ok(visitor.map(|visitor| visitor.caller))
    }

    /// Another site can make its own name lead here, but has no certificate of ours for it.
    pub(super) fn is_asked_under_our_name(&self, request: &ReceivedRequest) -> bool {
        request.peer().is_tls || request.only_header(&HOST).is_some_and(|host| self.is_our_host(host))
    }

    /// Signs in whoever brings a key, and gives the cookie; `None` for anything but a working key with its secret.
    pub(super) fn sign_in(
        &self,
        service: &Service,
        request: &ReceivedRequest,
        access_key_id: &str,
        secret: &str,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let text = self.sessions.begin(service, access_key_id, secret)?;
        Ok(text.and_then(|text| self.session_cookie(&text, request.peer().is_tls)))
    }

    /// Signs out, if the form is ours, and gives the cookie that takes the old one away.
    pub(super) fn sign_out(&self, request: &ReceivedRequest, form_token: &str) -> Option<HeaderValue> {
        let text = self.session_text(request)?;
        let is_ours: bool = session::form_token(text).as_bytes().ct_eq(form_token.as_bytes()).into();
        if !is_ours {
            return None;
        }
        self.sessions.end(text);
        let name = self.session_name();
        HeaderValue::try_from(format!("{name}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")).ok()
    }

    fn session_text<'request>(&self, request: &'request ReceivedRequest) -> Option<&'request str> {
        let name = self.session_name();
        pairs(cookies(request)).find(|(other, _)| *other == name).map(|(_, text)| text)
    }

    fn session_name(&self) -> String {
        format!("farmtally-session-{}", self.address.port())
    }

    fn session_cookie(&self, text: &str, is_tls: bool) -> Option<HeaderValue> {
        let (name, secure) = (self.session_name(), if is_tls { "; Secure" } else { "" });
        HeaderValue::try_from(format!("{name}={text}; HttpOnly; SameSite=Strict; Path=/{secure}")).ok()
    }

    /// The names of this machine to itself, the address that the server listens on, and those that it was told.
    fn is_our_host(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        if name == "localhost" || self.hosts.contains(&name) {
            return true;
        }
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == self.address.ip())
    }

    fn is_token(&self, text: &str) -> bool {
        self.token.as_ref().is_some_and(|token| token.as_bytes().ct_eq(text.as_bytes()).into())
    }

    fn has_cookie<'request>(&self, cookies: impl Iterator<Item = &'request str>) -> bool {
        let name = self.cookie_name();
        pairs(cookies).any(|(other, value)| other == name && self.is_token(value))
    }

    /// Cookies know no ports, so that two servers on one machine need two names.
    fn cookie_name(&self) -> String {
        format!("farmtally-page-{}", self.address.port())
    }

    fn cookie(&self, is_tls: bool) -> Option<HeaderValue> {
        let (name, token) = (self.cookie_name(), self.token.as_ref()?);
        let secure = if is_tls { "; Secure" } else { "" };
        HeaderValue::try_from(format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/{secure}")).ok()
    }
}

/// Whether a browser says that our own page asks, or that somebody typed the address. Cookies are not sent along from other
/// sites anyhow; this is the second lock on the same door.
fn is_from_ourselves(request: &ReceivedRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    let origin = request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let host = request.only_header(&HOST).unwrap_or_default();
    let is_ours = origin.is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    });
    is_ours && site.is_none_or(|site| site == "same-origin" || site == "none")
}

fn cookies(request: &ReceivedRequest) -> impl Iterator<Item = &str> {
    request.headers().get_all(COOKIE).iter().filter_map(|value| value.to_str().ok())
}

fn pairs<'request>(
    headers: impl Iterator<Item = &'request str>,
) -> impl Iterator<Item = (&'request str, &'request str)> {
    headers.flat_map(|header| header.split(';')).filter_map(|cookie| cookie.trim().split_once('='))
}

fn query_token(raw_query: &str) -> Option<&str> {
    raw_query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(address: &str) -> PageAccess {
        PageAccess::new(Some("secret".into()), address.parse().unwrap(), vec!["Farm.Lan".into()])
    }

    #[test]
    fn only_names_of_this_machine_and_the_listening_address_are_ours() {
        let access = access("192.0.2.7:8037");
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:8037",
            "127.8.8.8",
            "[::1]:8037",
            "[::1]",
            "192.0.2.7:1",
            "farm.LAN:80",
        ] {
            assert!(access.is_our_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8037",
            "192.0.2.8",
            "localhost:x",
        ] {
            assert!(!access.is_our_host(host), "{host}");
        }
    }

    #[test]
    fn the_cookie_carries_the_token_under_the_name_of_the_port() {
        let access = access("127.0.0.1:8037");
        assert!(access.cookie(true).unwrap().to_str().unwrap().ends_with("; Secure"));
        let cookie = access.cookie(false).unwrap();
        assert_eq!(cookie, "farmtally-page-8037=secret; HttpOnly; SameSite=Strict; Path=/");
        assert!(access.has_cookie(["a=b; farmtally-page-8037=secret"].into_iter()));
        for cookies in [
            "",
            "farmtally-page-8037",
            "farmtally-page-8037=",
            "farmtally-page-8037=Secret",
            "farmtally-page-1=secret",
        ] {
            assert!(!access.has_cookie([cookies].into_iter()), "{cookies}");
        }
    }

    #[test]
    fn without_a_token_nothing_opens_the_page() {
        for token in [None, Some(String::new())] {
            let access = PageAccess::new(token, "127.0.0.1:1".parse().unwrap(), Vec::new());
            assert!(!access.is_token(""));
            assert!(access.cookie(false).is_none());
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_token() {
        assert!(!format!("{:?}", access("127.0.0.1:1")).contains("secret"));
    }
}
