//! Two engines behind one service: what is sealed is counted by one on other machines, the rest here, and an answer that does not
//! account for everything is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use farmtally_engine::{DistributedError, Seen};

use crate::farm::{Elsewhere, Farm, Lie, cost, elsewhere, records};

#[test]
fn what_is_sealed_is_counted_elsewhere_and_the_rest_here() {
    let removed = [3, 4].map(|number| (records([number])[0].id(), 0));
    let is_told_of_the_removed = |_| {
        let engine = Arc::new(elsewhere());
        let farm = Farm::new(&engine, 38);
        farm.expect_the_whole_answer();
        assert_eq!(engine.asked.load(Ordering::SeqCst), 1);
        let told = engine.told.lock().unwrap().clone().unwrap();
        assert_eq!((told.record_count, told.line_count, told.cost_nanos), (38, 38, cost(&engine.records)));
        told.removed.iter().map(|removed| (removed.id, removed.revision)).eq(removed)
            && told.files.iter().all(|name| farm.folder.path().join(name).is_file())
    };
    // When a store is opened it looks for segments that hold removed records, and where it is late it may write this one anew first.
    assert!((0..50).any(is_told_of_the_removed));
}

#[test]
fn fewer_sealed_sessions_than_the_setting_and_what_cannot_be_put_elsewhere_are_counted_here() {
    for (records_min, cannot_answer) in [(39, false), (1, true)] {
        let engine = Arc::new(Elsewhere { cannot_answer, ..elsewhere() });
        Farm::new(&engine, records_min).expect_the_whole_answer();
        assert_eq!(engine.asked.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn an_engine_that_saw_other_lines_or_costs_or_fails_makes_no_answer() {
    let refused: [(Lie, &str); 4] = [
        (
            |seen| Ok(Seen { line_count: seen.line_count - 1, ..seen }),
            "saw 37 usage lines where the manifest has 38",
        ),
        (|seen| Ok(Seen { line_count: seen.line_count + 1, ..seen }), "saw 39 usage lines"),
        (|seen| Ok(Seen { cost_nanos: seen.cost_nanos + 1, ..seen }), "nano-dollars where the manifest has"),
        (
            |_| Err(DistributedError::Unreachable { reason: "connection refused".to_owned() }),
            "the distributed engine cannot be reached: connection refused; start it again",
        ),
    ];
    for (lie, reason) in refused {
        let engine = Arc::new(Elsewhere { lies: Some(lie), ..elsewhere() });
        Farm::new(&engine, 1).expect_refusal(reason);
    }
}
