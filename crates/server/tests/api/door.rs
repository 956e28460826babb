//! The one door to the API: a server with a farm and an admin key, and calls that are signed with it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use farmtally_model::{AggregationId, CostScaleFactor, DisplayName, FarmId, Timestamp};
use farmtally_server::{ConnectionLimits, Server, ServerOptions, ShutdownError, TlsIdentity, TlsSlot};
use farmtally_service::{Caller, Clock as _, Distributed, ManualClock, Role, Service, ServiceLimits};
use farmtally_store::{Begun, Catalogue, NewAggregation};
use farmtally_wire::parse_start;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::client::{Answer, Call, Connection, Key};
use crate::records::question;

/// When every test begins.
pub(crate) const NOW: &str = "2025-11-26T00:00:00Z";
pub(crate) const FARM: FarmId = FarmId::from_bytes([0xfa; 16]);
pub(crate) const OTHER_FARM: FarmId = FarmId::from_bytes([0xfb; 16]);

/// What a test wants to be different from the usual.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) service_limits: ServiceLimits,
    pub(crate) connection_limits: ConnectionLimits,
    pub(crate) region: Option<String>,
    pub(crate) page_token: Option<String>,
    pub(crate) metrics_token: Option<String>,
    pub(crate) tls: Option<TlsIdentity>,
    pub(crate) distributed: Option<Distributed>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            service_limits: ServiceLimits::default(),
            connection_limits: ConnectionLimits::default(),
            region: None,
            page_token: Some("page-token".into()),
            metrics_token: None,
            tls: None,
            distributed: None,
        }
    }
}

/// A server that runs.
pub(crate) struct Farmtally {
    setup: Setup,
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
    pub(crate) key: Key,
    running: Option<Running>,
}

struct Running {
    address: SocketAddr,
    back_door: Option<SocketAddr>,
    tls: Option<TlsSlot>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ShutdownError>>>,
}

impl Farmtally {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::parse(NOW).unwrap()));
        let service = open(folder.path(), &clock, &setup);
        for (farm_id, name) in [(FARM, "Comet"), (OTHER_FARM, "Other")] {
            service.create_farm(farm_id, DisplayName::new(name).unwrap(), "tests").unwrap();
        }
        let key = create_key(&service, Role::Admin, None);
        let running = Some(Running::start(Arc::clone(&service), &setup));
        Self { setup, folder, clock, service, key, running }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address
    }

    pub(crate) fn back_door(&self) -> Option<SocketAddr> {
        self.running.as_ref().unwrap().back_door
    }

    pub(crate) fn tls(&self) -> &TlsSlot {
        self.running.as_ref().unwrap().tls.as_ref().unwrap()
    }

    pub(crate) fn create_key(&self, role: Role, farm_id: Option<FarmId>) -> Key {
        create_key(&self.service, role, farm_id)
    }

    /// Tells the server to shut down, without waiting for it.
    pub(crate) fn begin_shutdown(&mut self) -> JoinHandle<Result<(), ShutdownError>> {
        let mut running = self.running.take().unwrap();
        running.shutdown.take().unwrap().send(()).unwrap();
        running.thread.take().unwrap()
    }

    /// Ends the process as far as a folder can tell, and starts another on it.
    pub(crate) fn restart(mut self) -> Self {
        self.begin_shutdown().join().unwrap().unwrap();
        let Self { setup, folder, clock, service, key, .. } = self;
        wait_until("the service is given up", || Arc::strong_count(&service) == 1);
        drop(service);
        let service = open(folder.path(), &clock, &setup);
        service.resume_aggregations().unwrap();
        let running = Some(Running::start(Arc::clone(&service), &setup));
        Self { setup, folder, clock, service, key, running }
    }

    /// Sends a call signed with the admin key, now.
    pub(crate) fn call(&self, call: Call) -> Answer {
        self.call_as(&self.key, call)
    }

    pub(crate) fn call_as(&self, key: &Key, call: Call) -> Answer {
        self.send(&call.signed(key, self.unix_seconds()))
    }

    /// Sends bytes over a connection of their own.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.send(bytes);
        connection.answer().expect("the server closed the connection without an answer")
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    pub(crate) fn unix_seconds(&self) -> i64 {
        self.clock.now().millis() / 1000
    }

    /// Sends records to the farm and expects that all of them are stored.
    pub(crate) fn ingest(&self, lines: &[Value]) {
        let report = self.call(sessions(FARM, lines)).ok();
        let expected = json!({ "received": lines.len(), "stored": lines.len(), "replaced": 0, "unchanged": 0,
                               "unpricedLines": 0, "unpriced": {}, "refused": [] });
        assert_eq!(report, expected);
    }

    /// Starts an aggregation of the farm and gives its id.
    pub(crate) fn begin(&self, question: &Value) -> String {
        let answer = self.call(start(FARM, question)).ok();
        answer["aggregationId"].as_str().unwrap().to_owned()
    }

    /// Has an aggregation of [`question`] in progress that nobody works on, as a process that is slow or stuck would.
    pub(crate) fn hold_aggregation(&self) -> String {
        let id = AggregationId::from_bytes([0xaa; 16]);
        let begun = Catalogue::open(self.folder()).unwrap().begin_aggregation(&NewAggregation {
            id,
            farm_id: FARM,
            retry_key: None,
            started_at: self.clock.now(),
            deadline: Timestamp::from_millis_clamped(self.clock.now().millis() + 300_000),
            query: parse_start(&FARM.to_string(), question().to_string().as_bytes()).unwrap().query,
            cost_scale_factor: CostScaleFactor::ONE,
        });
        assert!(matches!(begun, Ok(Begun::Started)), "{begun:?}");
        id.to_string()
    }

    /// Asks until the aggregation is no longer in progress.
    pub(crate) fn wait(&self, aggregation_id: &str) -> Value {
        let mut page = Value::Null;
        wait_until("the aggregation ends", || {
            page = self.call(get(FARM, aggregation_id, "")).ok();
            page["status"] != "IN_PROGRESS"
        });
        page
    }

    /// The first page of a question's answer.
    pub(crate) fn answer(&self, question: &Value) -> Value {
        let page = self.wait(&self.begin(question));
        assert_eq!(page["status"], "COMPLETED", "{page}");
        page
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Running {
    fn start(service: Arc<Service>, setup: &Setup) -> Self {
        let options = ServerOptions {
            region: setup.region.clone(),
            page_token: setup.page_token.clone(),
            metrics_token: setup.metrics_token.clone(),
            tls: setup.tls.clone(),
            limits: setup.connection_limits,
            ..ServerOptions::new(([127, 0, 0, 1], 0).into())
        };
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::bind(service, options)).unwrap();
        let (address, back_door, tls) = (server.local_addr(), server.back_door(), server.tls());
        let (shutdown, told) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(server.run(async {
                drop(told.await);
            }))
        });
        Self { address, back_door, tls, shutdown: Some(shutdown), thread: Some(thread) }
    }
}

fn open(folder: &Path, clock: &Arc<ManualClock>, setup: &Setup) -> Arc<Service> {
    let clock: Arc<ManualClock> = Arc::clone(clock);
    let distributed = setup.distributed.clone();
    Service::open_with_engine(folder, clock, setup.service_limits, distributed).unwrap()
}

fn create_key(service: &Service, role: Role, farm_id: Option<FarmId>) -> Key {
    let credential = service.key_administration().create(role, farm_id, service.now()).unwrap();
    let Caller { access_key_id, .. } = credential.caller;
    Key { access_key_id, secret: credential.secret.expose().to_owned() }
}

/// Spins, within a bound, until something that another thread does has happened.
pub(crate) fn wait_until(what: &str, mut has_happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !has_happened() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited too long until {what}");
        std::thread::yield_now();
    }
}

/// The call that sends records.
pub(crate) fn sessions(farm_id: FarmId, lines: &[Value]) -> Call {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    Call::post(format!("/api/v1/farms/{farm_id}/sessions"), lines.join("\n"))
}

/// The call that starts an aggregation.
pub(crate) fn start(farm_id: FarmId, question: &Value) -> Call {
    Call::post(aggregation_path(farm_id), question.to_string())
}

/// The call that reads a page; `more` is what follows in the query.
pub(crate) fn get(farm_id: FarmId, aggregation_id: &str, more: &str) -> Call {
    Call::get(format!("{}?aggregationId={aggregation_id}{more}", aggregation_path(farm_id)))
}

pub(crate) fn aggregation_path(farm_id: FarmId) -> String {
    format!("/2023-10-12/farms/{farm_id}/sessions-statistics-aggregation")
}
