//! How long the catalogue takes to say which files a question needs, at 100,000 farms and 1,000,000 segments.

use std::time::Duration;

use farmtally_model::{FarmId, TimeRange, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use super::{SealedShare, reaching, sealed_share};
use crate::catalogue::Catalogue;
use crate::database::params;
use crate::error::StoreError;
use crate::sealed::{FarmFiles, LoadedManifest, Manifest, ManifestChange, Month, Segment};

const FARMS: u32 = 100_000;
/// Segments of the largest farm: 50 billion sessions.
const LARGEST: u32 = 100_000;
/// Segments of each other farm.
const USUAL: u32 = 9;
/// What planning may take.
const PLANNING_MAX: Duration = Duration::from_millis(50);
const MONTHS: [&str; 12] = [
    "2025-01", "2025-02", "2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "2025-08", "2025-09",
    "2025-10", "2025-11", "2025-12",
];
const MONTH_MS: i64 = 31 * 86_400_000;

fn farm_id(number: u32) -> FarmId {
    FarmId::from_bytes(
        u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes(),
    )
}

fn segment(number: u32) -> Segment {
    let month = Month::parse(MONTHS[number as usize % MONTHS.len()]).unwrap();
    let mut segment = Segment::empty(number, month, (1, 1));
    (segment.row_count, segment.session_count) = (600_000, 500_000);
    segment.start_min_ms = month.start_ms() - 3_600_000;
    segment.end_max_ms = month.start_ms() + MONTH_MS;
    segment.cost_nanos = 500_000_000_000_000;
    segment.file_bytes = 15_000_000;
    segment
}

fn fill(catalogue: &Catalogue) {
    let filled = catalogue.database().write(|transaction| {
        for number in 0..FARMS {
            let farm_id = farm_id(number);
            transaction.execute(
                "INSERT INTO farms (farm_id, display_name, cost_scale_nanos, created_at, created_by)
                 VALUES (?1, ?2, 1000000000, 0, 'test')",
                params![farm_id.bytes(), format!("Farm {number}")],
            )?;
            let count = if number == 0 { LARGEST } else { USUAL };
            let change =
                ManifestChange { added: (1..=count).map(segment).collect(), ..ManifestChange::default() };
            change.apply_to(&Manifest::default(), transaction, farm_id)?;
        }
        Ok(())
    });
    filled.unwrap().into_inner();
}

fn window(first: &str, months: i64) -> TimeRange {
    let start_ms = Month::parse(first).unwrap().start_ms();
    let at = |ms| Timestamp::from_millis(ms).unwrap();
    TimeRange::new(at(start_ms), at(start_ms + months * MONTH_MS)).unwrap()
}

fn load(catalogue: &Catalogue, farm_id: FarmId) -> Manifest {
    let loaded: Result<LoadedManifest, StoreError> =
        catalogue.database().read(|connection| Manifest::load(connection, farm_id));
    loaded.unwrap().manifest
}

/// What a question over a window needs, from the manifest and the removals that the catalogue has.
fn plan(catalogue: &Catalogue, manifest: &Manifest, farm_id: FarmId, window: TimeRange) -> SealedShare {
    let removals = catalogue.database().read(|connection| manifest.removals(connection, farm_id)).unwrap();
    let files = FarmFiles::new(std::path::Path::new("/nowhere"), farm_id);
    sealed_share(&files, &reaching(manifest, window).collect::<Vec<_>>(), &removals)
}

fn report(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("{what}: median {:.2?}, 99 % below {:.2?}, longest {:.2?}", at(50), at(99), at(100));
    at(99)
}

/// Processor time of this thread: what else a machine does is not planning.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let begun = now();
    let done = work();
    (done, now().saturating_sub(begun))
}

#[test]
#[ignore = "fills a catalogue with 1,000,000 segments; docs/cluster.md says how to run it"]
fn planning_a_question_stays_below_50_ms_at_a_million_segments() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path()).unwrap();
    let ((), filling) = timed(|| fill(&catalogue));
    println!("processor times; filled with {FARMS} farms in {filling:.0?}");
    let (month, year) = (window("2025-06", 1), window("2025-01", 12));
    // A farm of which nothing is in memory yet: its manifest is read and verified, and then the question is planned.
    let cold = (1..FARMS).step_by(101).map(|number| {
        let (share, time) = timed(|| {
            let manifest = load(&catalogue, farm_id(number));
            plan(&catalogue, &manifest, farm_id(number), month)
        });
        assert!(!share.names.is_empty() && share.names.len() < USUAL as usize);
        time
    });
    let usual = report("a usual farm, nothing in memory", cold.collect());
    let (largest, loading) = timed(|| load(&catalogue, farm_id(0)));
    println!("reading the manifest of the largest farm: {loading:.2?}");
    let mut longest = usual;
    for (what, window) in [("the largest farm, a month", month), ("the largest farm, a year", year)] {
        let times = (0..100).map(|_| timed(|| plan(&catalogue, &largest, farm_id(0), window)).1);
        longest = longest.max(report(what, times.collect()));
    }
    assert!(longest < PLANNING_MAX, "planning takes {longest:?}");
}
