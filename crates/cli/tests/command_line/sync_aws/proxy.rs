//! A proxy that passes requests on as they are, except where a test says what happens to them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is answered.
    None,
    /// Too many requests.
    Throttle,
    /// The service does not know why.
    InternalError,
    /// The connection breaks before the answer.
    Reset,
    /// The connection breaks in the middle of the answer.
    CutShort,
    /// The credentials are not valid any more.
    Expired,
    /// Nothing happens for longer than the test lasts.
    Hold,
    /// It is answered with a list in which nothing is.
    Empty(&'static str),
}

#[derive(Default)]
struct Shared {
    paths: Vec<String>,
    /// An access key and how many requests it is good for.
    expiring: Option<(String, usize)>,
}

/// A proxy on a port of its own.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Proxy {
    /// A proxy before a server. `fault` sees the path of a request and its number, from 1.
    pub(super) fn before(server: &str, fault: impl Fn(&str, usize) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Mutex<Shared>>::default();
        let (server, fault) = (server.to_owned(), Arc::new(fault));
        let seen = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, fault, seen) = (server.clone(), Arc::clone(&fault), Arc::clone(&seen));
                thread::spawn(move || handle(stream.unwrap(), &server, &*fault, &seen));
            }
        });
        Self { address, shared }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Number of requests with this in their path.
    pub(super) fn count(&self, part: &str) -> usize {
        self.shared.lock().unwrap().paths.iter().filter(|path| path.contains(part)).count()
    }

    /// Refuses an access key after so many requests with it.
    pub(super) fn expire(&self, access_key_id: &str, requests: usize) {
        self.shared.lock().unwrap().expiring = Some((access_key_id.to_owned(), requests));
    }
}

fn handle(
    mut client: TcpStream,
    server: &str,
    fault: &(dyn Fn(&str, usize) -> Fault + Send + Sync),
    shared: &Mutex<Shared>,
) {
    let Some((head, body)) = request(&client) else { return };
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let (number, is_expired) = {
        let mut shared = shared.lock().unwrap();
        shared.paths.push(path.clone());
        (shared.paths.len(), is_expired(&mut shared, &head))
    };
    match if is_expired { Fault::Expired } else { fault(&path, number) } {
        Fault::None => client.write_all(&passed_on(server, &head, &body)).unwrap_or_default(),
        Fault::Reset => {}
        Fault::CutShort => {
            let answer = passed_on(server, &head, &body);
            client.write_all(&answer[..answer.len() - 3]).unwrap_or_default();
        }
        Fault::Hold => thread::sleep(Duration::from_mins(10)),
        Fault::Empty(list) => answer(&mut client, "200 OK", "", &format!("{{\"{list}\":[]}}")),
        Fault::Throttle => {
            refuse(&mut client, "429 Too Many Requests", "ThrottlingException", "Rate exceeded");
        }
        Fault::InternalError => {
            refuse(&mut client, "500 Internal Server Error", "InternalServerErrorException", "later");
        }
        Fault::Expired => {
            let message = "The security token included in the request is expired";
            refuse(&mut client, "403 Forbidden", "ExpiredTokenException", message);
        }
    }
}

fn is_expired(shared: &mut Shared, head: &str) -> bool {
    let Some((access_key_id, left)) = &mut shared.expiring else { return false };
    if !head.contains(&format!("Credential={access_key_id}/")) {
        return false;
    }
    let is_expired = *left == 0;
    *left = left.saturating_sub(1);
    is_expired
}

/// Head and body of a request.
fn request(client: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// What the server answers.
fn passed_on(server: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut upstream = TcpStream::connect(server).unwrap();
    let head = head.trim_end_matches("\r\n");
    write!(upstream, "{head}\r\nConnection: close\r\n\r\n").unwrap();
    upstream.write_all(body).unwrap();
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).unwrap();
    answer
}

fn refuse(client: &mut TcpStream, status: &str, code: &str, message: &str) {
    answer(
        client,
        status,
        &format!("x-amzn-ErrorType: {code}\r\n"),
        &format!("{{\"message\":\"{message}\"}}"),
    );
}

fn answer(client: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap_or_default();
}
