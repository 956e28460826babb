//! The same API inside TLS: certificates with the names that AWS clients ask for, and their exchange.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use farmtally_server::{ConnectionLimits, TlsIdentity};
use rcgen::CertifiedKey;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Call, Connection};
use crate::door::{Farmtally, Setup};

/// What a client puts before the host of a custom endpoint, and the host without it.
const NAMES: [&str; 2] = ["management.farm.lan", "farm.lan"];

type Certificate = CertifiedKey<rcgen::KeyPair>;

fn certificate() -> Certificate {
    rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).unwrap()
}

fn identity(certificate: &Certificate) -> TlsIdentity {
    let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

fn start(certificate: &Certificate) -> Farmtally {
    Farmtally::with(Setup { tls: Some(identity(certificate)), ..Setup::default() })
}

/// Sends bytes inside TLS to a server that has to have a certificate, and gives everything that comes back.
fn ask(
    address: SocketAddr,
    name: &'static str,
    trusted: &Certificate,
    bytes: &[u8],
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name).unwrap()).unwrap();
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn list_farms(farmtally: &Farmtally) -> Vec<u8> {
    let call =
        Call::get("/2023-10-12/farms").host("management.farm.lan").unsigned_header("connection", "close");
    call.signed(&farmtally.key, farmtally.unix_seconds())
}

#[test]
fn a_signed_request_is_answered_under_both_names_of_the_certificate() {
    let certificate = certificate();
    let farmtally = start(&certificate);
    for name in NAMES {
        let answer = ask(farmtally.address(), name, &certificate, &list_farms(&farmtally)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("Comet"), "{answer}");
    }
    let unsigned = Call::get("/2023-10-12/farms").unsigned_header("connection", "close").unsigned();
    let answer = ask(farmtally.address(), NAMES[0], &certificate, &unsigned).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn clear_text_on_the_encrypted_port_gets_no_answer_and_harms_nobody() {
    let certificate = certificate();
    let farmtally = start(&certificate);
    for bytes in
        [list_farms(&farmtally), b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), vec![0x16; 5000]]
    {
        let mut connection = farmtally.connect();
        connection.send(&bytes);
        let answer = String::from_utf8_lossy(&connection.rest()).into_owned();
        assert!(!answer.contains("HTTP/1.1"), "{answer}");
    }
    ask(farmtally.address(), NAMES[0], &certificate, &list_farms(&farmtally)).unwrap();
}

#[test]
fn a_handshake_that_does_not_end_ends_the_connection() {
    let head_read_max = Duration::from_millis(50);
    let farmtally = Farmtally::with(Setup {
        tls: Some(identity(&certificate())),
        connection_limits: ConnectionLimits { head_read_max, ..ConnectionLimits::default() },
        ..Setup::default()
    });
    for bytes in [&b""[..], &[0x16, 3, 1]] {
        let mut connection = farmtally.connect();
        connection.send(bytes);
        assert_eq!(connection.rest(), b"");
    }
}

#[test]
fn another_certificate_takes_over_while_the_server_runs() {
    let (first, second) = (certificate(), certificate());
    let farmtally = start(&first);
    let ask = |trusted| ask(farmtally.address(), NAMES[0], trusted, &list_farms(&farmtally));
    ask(&first).unwrap();
    ask(&second).unwrap_err();
    farmtally.tls().replace(identity(&second));
    ask(&second).unwrap();
    ask(&first).unwrap_err();
}

#[test]
fn commands_on_this_machine_have_a_door_without_tls() {
    let farmtally = start(&certificate());
    let address = farmtally.back_door().unwrap();
    assert!(address.ip().is_loopback());
    let mut connection = Connection::open(address);
    connection.send(&list_farms(&farmtally));
    assert_eq!(connection.answer().unwrap().status, 200);
    assert_eq!(Farmtally::start().back_door(), None);
}

#[test]
fn the_cookie_of_the_page_stays_inside_tls() {
    let certificate = certificate();
    let farmtally = start(&certificate);
    let arrive = Call::get("/?token=page-token").host("farm.lan").unsigned_header("connection", "close");
    let answer = ask(farmtally.address(), "farm.lan", &certificate, &arrive.unsigned()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303 ") && answer.contains("; Secure\r\n"), "{answer}");
}
