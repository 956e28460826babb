//! Who and what the studio is made of: queues, fleets, machines with prices, products with prices, and people.

use farmtally_model::{DisplayName, FleetId, HourlyRate, InstanceType, LicenseProduct, QueueId, UserId};

use super::prng::Prng;
use crate::certain::certain;

/// A queue and the work that is done in it.
pub(super) struct Queue {
    pub(super) id: QueueId,
    pub(super) name: DisplayName,
    pub(super) work: &'static Work,
}

/// What the sessions of a queue are like. Fleets and products are named by their positions, after their weights.
pub(super) struct Work {
    name: &'static str,
    pub(super) median_ms: u32,
    pub(super) fleets: [(u32, usize); 3],
    pub(super) products: [(u32, &'static [usize]); 3],
}

/// A fleet and the machines in it. A machine whose type nobody recorded has none.
pub(super) struct Fleet {
    pub(super) id: FleetId,
    pub(super) name: DisplayName,
    pub(super) machines: Vec<Machine>,
}

/// A kind of machine and its price.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) instance_type: Option<InstanceType>,
    pub(super) rate: HourlyRate,
}

/// A product and the price of one licence.
pub(super) struct Product {
    pub(super) name: LicenseProduct,
    pub(super) rate: HourlyRate,
}

/// Somebody who submits jobs.
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) name: DisplayName,
}

pub(super) struct Studio {
    pub(super) queues: Vec<Queue>,
    pub(super) fleets: Vec<Fleet>,
    pub(super) products: Vec<Product>,
    pub(super) users: Vec<User>,
}

/// Position of the queue in which the simulation fails.
pub(super) const FX: usize = 2;

const ON_PREM: usize = 0;
/// Position of the fleet that can be taken back at any time.
pub(super) const SPOT: usize = 1;
/// Position of the fleet of expensive machines.
pub(super) const GPU: usize = 2;

const ARNOLD: usize = 0;
const NUKE: usize = 1;
/// Position of the product that simulates.
pub(super) const HOUDINI: usize = 2;

const MINUTE_MS: u32 = 60_000;

static QUEUES: [Work; 4] = [
    Work {
        name: "lighting",
        median_ms: 38 * MINUTE_MS,
        fleets: [(45, ON_PREM), (50, SPOT), (5, GPU)],
        products: [(85, &[ARNOLD]), (10, &[]), (5, &[ARNOLD, NUKE])],
    },
    Work {
        name: "comp",
        median_ms: 9 * MINUTE_MS,
        fleets: [(75, ON_PREM), (25, SPOT), (0, GPU)],
        products: [(96, &[NUKE]), (4, &[]), (0, &[])],
    },
    Work {
        name: "fx",
        median_ms: 55 * MINUTE_MS,
        fleets: [(20, ON_PREM), (35, SPOT), (45, GPU)],
        products: [(70, &[HOUDINI]), (25, &[HOUDINI, ARNOLD]), (5, &[])],
    },
    Work {
        name: "lookdev",
        median_ms: 16 * MINUTE_MS,
        fleets: [(40, ON_PREM), (35, SPOT), (25, GPU)],
        products: [(75, &[ARNOLD]), (20, &[ARNOLD, NUKE]), (5, &[])],
    },
];

/// A machine's type, where somebody recorded it, and dollars per hour.
type MachinePrice = (Option<&'static str>, &'static str);

/// Nobody recorded the types in the machine room.
const FLEETS: [(&str, &[MachinePrice]); 3] = [
    ("on-prem", &[(None, "0.42")]),
    (
        "spot",
        &[
            (Some("c6i.8xlarge"), "0.5236"),
            (Some("c6i.16xlarge"), "1.0472"),
            (Some("c7a.16xlarge"), "1.2315"),
            (Some("m6i.8xlarge"), "0.5914"),
            (Some("r6i.8xlarge"), "0.7083"),
        ],
    ),
    ("gpu", &[(Some("g5.4xlarge"), "1.624"), (Some("g6.8xlarge"), "2.0144"), (Some("g5.12xlarge"), "5.672")]),
];

/// Products and dollars per licence and hour.
const PRODUCTS: [(&str, &str); 3] = [("arnold", "0.31"), ("nuke", "0.92"), ("houdini", "0.58")];

const USERS: [&str; 18] = [
    "Amara Okafor",
    "Bjorn Halvorsen",
    "Chiara Conti",
    "Dmitri Volkov",
    "Elena Marin",
    "Farid Haddad",
    "Grace Nakamura",
    "Hugo Laurent",
    "Ines Carvalho",
    "Jonas Weber",
    "Keiko Tanaka",
    "Liam Gallagher",
    "Mei Lin",
    "Nadia Rahman",
    "Oscar Lindqvist",
    "Priya Raman",
    "Quentin Dubois",
    "Rosa Delgado",
];

impl Studio {
    /// The studio is always the same; its ids come from the seed.
    pub(super) fn new(prng: &mut Prng) -> Self {
        Self {
            queues: QUEUES.iter().map(|work| new_queue(prng, work)).collect(),
            fleets: FLEETS.into_iter().map(|(name, machines)| new_fleet(prng, name, machines)).collect(),
            products: PRODUCTS.into_iter().map(|(name, rate)| new_product(name, rate)).collect(),
            users: USERS.into_iter().map(|name| new_user(prng, name)).collect(),
        }
    }
}

fn new_queue(prng: &mut Prng, work: &'static Work) -> Queue {
    Queue { id: QueueId::from_bytes(prng.bytes16()), name: display_name(work.name), work }
}

fn new_fleet(prng: &mut Prng, name: &str, machines: &[MachinePrice]) -> Fleet {
    let machines = machines.iter().map(|(instance_type, rate)| Machine {
        instance_type: instance_type.map(|name| certain(InstanceType::new(name))),
        rate: certain(HourlyRate::parse(rate)),
    });
    Fleet { id: FleetId::from_bytes(prng.bytes16()), name: display_name(name), machines: machines.collect() }
}

fn new_product(name: &str, rate: &str) -> Product {
    Product { name: certain(LicenseProduct::new(name)), rate: certain(HourlyRate::parse(rate)) }
}

/// A user whose id looks like that of an identity centre: a UUID.
fn new_user(prng: &mut Prng, name: &str) -> User {
    let digits = format!("{:032x}", u128::from_be_bytes(prng.bytes16()));
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    User { id: certain(UserId::new(&groups.join("-"))), name: display_name(name) }
}

fn display_name(name: &str) -> DisplayName {
    certain(DisplayName::new(name))
}
