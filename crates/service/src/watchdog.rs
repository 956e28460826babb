//! One thread that ends what takes too long.
//!
//! It sleeps until the earliest end that it knew of when it fell asleep, whether that still matters then or not: nobody wakes it when
//! something begins or ends in time, which nearly everything does. It is there until it wakes up and finds nothing to watch.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::threads::spawn_thread;

/// The longest time in which something may have to end: 136 years.
const AT_MOST: Duration = Duration::from_secs(u32::MAX as u64);

/// What is done when something has not ended in time.
type Late = Box<dyn FnOnce() + Send>;

/// When something has to end, and a number that tells it from others.
type Key = (Instant, u64);

/// Watches over what has to end in time.
#[derive(Debug, Default)]
pub(crate) struct Watchdog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    watched: Mutex<Watched>,
    is_earlier: Condvar,
}

#[derive(Default)]
struct Watched {
    by_end: BTreeMap<Key, Late>,
    /// The number of the next one.
    next: u64,
    /// Until when the thread sleeps; `None` when there is none.
    asleep_until: Option<Instant>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.by_end.keys()).finish()
    }
}

/// Something that is watched for as long as this lives.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    key: Key,
}

impl Watchdog {
    /// Does `late` on another thread after some time, unless what this gives is dropped before. An error if there is no thread that could
    /// watch.
    pub(crate) fn watch(&self, at_most: Duration, late: impl FnOnce() + Send + 'static) -> io::Result<Watch> {
        let shared = Arc::clone(&self.0);
        let end = Instant::now() + at_most.min(AT_MOST);
        let mut watched = shared.lock();
        match watched.asleep_until {
            Some(until) if until <= end => {}
            Some(_) => shared.is_earlier.notify_one(),
            None => {
                let shared = Arc::clone(&shared);
                spawn_thread("watchdog", move || shared.keep_watch())?;
                watched.asleep_until = Some(end);
            }
        }
        let key = (end, watched.next);
        watched.next += 1;
        watched.by_end.insert(key, Box::new(late));
        drop(watched);
        Ok(Watch { shared, key })
    }
}

impl Shared {
    fn keep_watch(self: Arc<Self>) {
        let mut watched = self.lock();
        while let Some(first) = watched.by_end.first_entry() {
            let (end, _) = *first.key();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let late = first.remove();
                drop(watched);
                // That may take a while, for which others are not to wait if there is a thread that goes on watching.
                let heir = Arc::clone(&self);
                let is_relieved = spawn_thread("watchdog", move || heir.keep_watch()).is_ok();
                // Whatever happens in it, others are still watched.
                drop(catch_unwind(AssertUnwindSafe(late)));
                if is_relieved {
                    return;
                }
                watched = self.lock();
            } else {
                watched.asleep_until = Some(end);
                watched =
                    self.is_earlier.wait_timeout(watched, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        watched.asleep_until = None;
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        // Nothing can panic while it is locked.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let ended = self.shared.lock().by_end.remove(&self.key);
        // What it holds is not freed while others wait.
        drop(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    const SOON: Duration = Duration::from_millis(30);
    const NEVER: Duration = Duration::from_hours(1);
    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn what_has_not_ended_is_late_and_what_has_is_not_whichever_began_first() {
        let (sender, late) = mpsc::channel();
        let watchdog = Watchdog::default();
        let watch = |name: &'static str, at_most| {
            let sender = sender.clone();
            watchdog.watch(at_most, move || sender.send(name).unwrap()).unwrap()
        };
        let _long = watch("long", NEVER);
        drop(watch("ended", 30 * SOON));
        let begun = Instant::now();
        let _short = watch("short", SOON);
        assert_eq!(late.recv_timeout(PATIENCE), Ok("short"), "nobody sleeps until a later end");
        assert!(begun.elapsed() >= SOON);
        let _again = watch("again", SOON);
        assert_eq!(late.recv_timeout(PATIENCE), Ok("again"));
        assert!(late.recv_timeout(35 * SOON).is_err());
    }

    #[test]
    fn there_is_a_thread_again_after_nothing_was_left_to_watch() {
        let (sender, late) = mpsc::channel();
        let watchdog = Watchdog::default();
        for _ in 0..2 {
            let sender = sender.clone();
            let _watch = watchdog.watch(SOON, move || sender.send(()).unwrap()).unwrap();
            assert_eq!(late.recv_timeout(PATIENCE), Ok(()));
            let begun = Instant::now();
            while watchdog.0.lock().asleep_until.is_some() {
                assert!(begun.elapsed() < PATIENCE);
                thread::yield_now();
            }
        }
    }

    #[test]
    fn one_that_is_late_holds_up_no_other() {
        let (sender, late) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let watchdog = Watchdog::default();
        let _blocks = watchdog.watch(SOON, move || assert!(released.recv().is_err())).unwrap();
        let _other = watchdog.watch(2 * SOON, move || sender.send(()).unwrap()).unwrap();
        assert_eq!(late.recv_timeout(PATIENCE), Ok(()));
        drop(release);
    }

    #[test]
    fn what_may_take_for_ever_is_held_as_long_as_it_is_watched() {
        let watchdog = Watchdog::default();
        for at_most in [Duration::MAX, NEVER] {
            let held = Arc::new(());
            let own = Arc::clone(&held);
            let watch = watchdog.watch(at_most, move || drop(own)).unwrap();
            assert_eq!(Arc::strong_count(&held), 2);
            drop(watch);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }
}
