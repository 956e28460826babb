use super::*;
use crate::block::SessionBlock;
use farmtally_model::{FleetId, JobId, JobName, NanoUsd, Span, Timestamp, UsageLine, UsageLines};

fn session(index: u16, start_ms: i64, end_ms: Option<i64>) -> Record<LineCost> {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&index.to_be_bytes());
    let at = |millis| Timestamp::from_millis(millis).unwrap();
    Record::Session(Session {
        session_id: SessionId::from_bytes(id),
        queue_id: QueueId::from_bytes([1; 16]),
        fleet_id: FleetId::from_bytes([2; 16]),
        job_id: JobId::from_bytes([3; 16]),
        job_name: JobName::new("sh010").unwrap(),
        user_id: UserId::new("alice").unwrap(),
        // Farms know some workers and some outcomes.
        worker_id: (!index.is_multiple_of(3))
            .then(|| WorkerId::from_bytes([u8::try_from(index % 5).unwrap(); 16])),
        instance_type: None,
        outcome: farmtally_model::Outcome::ALL.get(usize::from(index % 7)).map(|(_, outcome)| *outcome),
        span: Span::new(at(start_ms), end_ms.map(at)).unwrap(),
        revision: 0,
        usage: UsageLines::new(vec![UsageLine {
            usage: Usage::Compute,
            cost: LineCost::Total(NanoUsd::from_nanos(u64::from(index)).unwrap()),
        }])
        .unwrap(),
    })
}

fn starts(snapshot: &FarmSnapshot) -> Vec<i64> {
    let mut starts: Vec<i64> =
        snapshot.blocks().iter().flat_map(|view| view.live_rows().map(|row| row.start_ms)).collect();
    starts.sort_unstable();
    starts
}

#[test]
fn many_small_batches_become_few_blocks_with_all_their_rows() {
    let mut columns = FarmColumns::default();
    for index in 0..1000 {
        columns.apply(&[session(index, 1000 - i64::from(index), Some(2000))], &[]);
    }
    let snapshot = columns.snapshot();
    assert_eq!(starts(&snapshot), (1..=1000).collect::<Vec<i64>>());
    assert!(snapshot.blocks().len() <= 10, "{} blocks", snapshot.blocks().len());
}

/// What a mapped file is to the columns: bytes that lie elsewhere, at a multiple of eight.
struct Mapped(Vec<u64>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn mapped(image: &[u8]) -> Arc<Mapped> {
    let words = image.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
    Arc::new(Mapped(words.collect()))
}

fn restored(columns: &mut FarmColumns) -> FarmColumns {
    let block = |view: BlockView| RestoredBlock {
        block: SessionBlock::from_image(mapped(view.block().image())).unwrap(),
        removed: view.removed_rows().collect(),
    };
    columns.seal();
    let blocks = columns.snapshot().blocks().iter().cloned().map(block).collect();
    FarmColumns::restore(columns.dictionaries(), blocks).unwrap()
}

#[test]
fn columns_are_the_same_after_their_images_and_go_on_from_there() {
    let mut columns = FarmColumns::default();
    let sessions: Vec<_> = (0..50).map(|index| session(index, i64::from(index), Some(2000))).collect();
    columns.apply(&sessions, &[]);
    columns.seal();
    columns.apply(&[], &sessions[..1]);
    let mut again = restored(&mut columns);
    let rows = |columns: &FarmColumns| -> Vec<SessionRow> {
        columns.snapshot().blocks().iter().flat_map(|view| view.live_rows().collect::<Vec<_>>()).collect()
    };
    assert_eq!(rows(&again), rows(&columns));
    assert_eq!(starts(&again.snapshot()), (1..50).collect::<Vec<i64>>());
    assert!(again.snapshot().blocks().iter().all(|view| view.block().check_columns().is_ok()));
    again.apply(&[session(60, 60, Some(2000))], &sessions[1..2]);
    assert_eq!(starts(&again.snapshot()), (2..50).chain([60]).collect::<Vec<i64>>());
    assert_eq!(again.snapshot().jobs().len(), 1);
}

#[test]
fn a_changed_byte_of_an_image_is_found_wherever_it_is() {
    let mut columns = FarmColumns::default();
    let sessions: Vec<_> = (0..20).map(|index| session(index, i64::from(index), Some(2000))).collect();
    columns.apply(&sessions, &[]);
    let sealed = columns.seal();
    let image = sealed[0].block().image();
    let is_found = |image: &[u8]| {
        SessionBlock::from_image(mapped(image))
            .and_then(|block| block.check_outline().and_then(|()| block.check_columns()))
            .is_err()
    };
    assert!(!is_found(image));
    assert!(is_found(&image[..image.len() - 8]));
    let mut found = 0;
    for index in 0..image.len() {
        let mut changed = image.to_vec();
        changed[index] ^= 0x10;
        found += usize::from(is_found(&changed));
    }
    // Between sections there are zeros that nobody reads.
    let padding = image.len() - used_bytes(image);
    assert_eq!(found, image.len() - padding);
}

/// Bytes of the header and the sections.
fn used_bytes(image: &[u8]) -> usize {
    let words: &[u64] = &mapped(image).0;
    let sections = usize::try_from(words[1]).unwrap();
    let lengths = words[10..].chunks_exact(3).take(sections).map(|place| place[1]).sum::<u64>();
    8 * (10 + 3 * sections) + usize::try_from(lengths).unwrap()
}

#[test]
fn a_removal_takes_out_one_equal_row_and_leaves_older_snapshots_alone() {
    let mut columns = FarmColumns::default();
    let (one, other) = (session(1, 10, Some(20)), session(2, 10, Some(20)));
    columns.apply(&[one.clone(), one.clone(), other], &[]);
    let before = columns.snapshot();
    columns.apply(&[session(3, 11, Some(20))], std::slice::from_ref(&one));
    assert_eq!(before.session_count(), 3);
    assert_eq!(starts(&columns.snapshot()), [10, 10, 11]);
    columns.apply(&[], &[one.clone(), one]);
    assert_eq!(starts(&columns.snapshot()), [10, 11]);
}

#[test]
fn a_running_session_ends_at_the_instant_of_the_question() {
    let mut columns = FarmColumns::default();
    columns.apply(&[session(7, 100, None), session(8, 300, None)], &[]);
    let snapshot = columns.snapshot();
    assert_eq!(snapshot.session_count(), 2);
    let running = snapshot.running_at(300, |_, _| true).unwrap().unwrap();
    let running: Vec<SessionRow> = running.live_rows().collect();
    let [row] = running.as_slice() else { panic!("{} rows", running.len()) };
    assert_eq!((row.start_ms, row.end_ms, row.compute_nanos), (100, 300, Some(7)));
    columns.apply(&[session(7, 100, Some(250))], &[session(7, 100, None)]);
    let snapshot = columns.snapshot();
    assert_eq!(snapshot.running_at(301, |_, _| true).unwrap().unwrap().live_len(), 1);
    for none in [snapshot.running_at(300, |_, _| true), snapshot.running_at(301, |_, _| false)] {
        assert!(none.unwrap().is_none());
    }
    assert_eq!(starts(&columns.snapshot()), [100]);
}

#[test]
fn sessions_that_differ_only_in_worker_or_outcome_are_told_apart() {
    let with = |worker: Option<u8>, outcome| {
        let Record::Session(session) = session(1, 10, Some(20)) else { unreachable!("it is a session") };
        Record::Session(Session {
            worker_id: worker.map(|byte| WorkerId::from_bytes([byte; 16])),
            outcome,
            ..session
        })
    };
    let failed = Some(farmtally_model::Outcome::Failed);
    let mut columns = FarmColumns::default();
    columns
        .apply(&[with(Some(1), None), with(Some(2), None), with(Some(2), failed), with(None, failed)], &[]);
    let mut columns = restored(&mut columns);
    columns.apply(&[], &[with(Some(2), failed), with(Some(9), failed)]);
    let snapshot = columns.snapshot();
    let rows = snapshot.blocks().iter().flat_map(|view| view.live_rows().collect::<Vec<_>>());
    let mut left: Vec<_> = rows
        .map(|row| {
            (snapshot.workers().get(row.worker).map(|id| id.bytes()[0]), crate::outcome_of(row.outcome))
        })
        .collect();
    left.sort_unstable();
    assert_eq!(left, [(None, failed), (Some(1), None), (Some(2), None)]);
}
