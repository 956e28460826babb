//! Threads of an answer begin on different processors.
//!
//! Where every processor has something to do when a thread is made, Linux can leave the new one behind its maker, and looks for a
//! better place only after milliseconds, in which a short answer is done. Other systems are not told anything.

#[cfg(target_os = "linux")]
pub(crate) use linux::Processors;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::Processors;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::{Mutex, PoisonError};

    use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// Processors on which threads of an answer began.
    pub(crate) struct Processors {
        /// Those that these threads may use.
        allowed: CpuSet,
        taken: Mutex<CpuSet>,
    }

    impl Processors {
        /// The one on which this thread is. `None` where the system does not say which there are, as with more than
        /// [`CpuSet::MAX_CPU`] of them.
        pub(crate) fn of_this_thread() -> Option<Self> {
            let allowed = sched_getaffinity(None).ok()?;
            Some(Self { allowed, taken: Mutex::new(only(sched_getcpu())) })
        }

        /// Takes this thread to one that no other has taken, if there is one. From there the system may move it like any other thread.
        pub(crate) fn take(&self) {
            let here = sched_getcpu();
            let free = {
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                let free = free(&self.allowed, &taken, here);
                free.inspect(|processor| taken.set(*processor))
            };
            if let Some(elsewhere) = free.filter(|processor| *processor != here) {
                self.go_to(elsewhere);
            }
        }

        /// Takes this thread to a processor, and says where it is then. A system that does not permit that leaves it where it is.
        fn go_to(&self, processor: usize) -> usize {
            let is_there = sched_setaffinity(None, &only(processor)).is_ok();
            let here = sched_getcpu();
            if is_there {
                // Were this refused, which the system did not do a moment ago, the thread would stay there.
                let _set_back = sched_setaffinity(None, &self.allowed);
            }
            here
        }
    }

    fn only(processor: usize) -> CpuSet {
        let mut only = CpuSet::new();
        only.set(processor);
        only
    }

    /// The processor here, or else the next one that is allowed and not taken: not the same for threads of other answers.
    fn free(allowed: &CpuSet, taken: &CpuSet, here: usize) -> Option<usize> {
        let is_free = |processor: &usize| allowed.is_set(*processor) && !taken.is_set(*processor);
        (here..CpuSet::MAX_CPU).chain(0..here).find(is_free)
    }

    #[cfg(test)]
    mod tests {
        use std::thread;

        use super::*;

        fn set(processors: impl IntoIterator<Item = usize>) -> CpuSet {
            let mut set = CpuSet::new();
            processors.into_iter().for_each(|processor| set.set(processor));
            set
        }

        #[test]
        fn a_thread_stays_where_no_other_is_and_else_goes_where_it_may() {
            assert_eq!(free(&set([1, 2, 5]), &set([1]), 5), Some(5));
            assert_eq!(free(&set([1, 2, 5]), &set([1, 5]), 5), Some(2));
            assert_eq!(free(&set([1, 2, 5, 9]), &set([2]), 2), Some(5));
            assert_eq!(free(&set([1, 5]), &set([1, 5]), 5), None);
            assert_eq!(free(&set([]), &set([1]), 3), None);
        }

        #[test]
        fn each_thread_takes_another_one_and_may_be_moved_as_before() {
            let before = sched_getaffinity(None).unwrap();
            let processors = Processors::of_this_thread().unwrap();
            thread::scope(|scope| {
                // One more than there is room for.
                for _ in 0..before.count() {
                    scope.spawn(|| {
                        processors.take();
                        assert_eq!(sched_getaffinity(None).unwrap(), before);
                    });
                }
            });
            assert_eq!(*processors.taken.lock().unwrap(), before);
        }

        #[test]
        fn a_thread_goes_to_another_processor_and_may_be_moved_as_before() {
            let processors = Processors::of_this_thread().unwrap();
            let before = processors.allowed;
            for processor in (0..CpuSet::MAX_CPU).filter(|processor| before.is_set(*processor)) {
                assert_eq!(processors.go_to(processor), processor);
                assert_eq!(sched_getaffinity(None).unwrap(), before);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// Threads begin where the system wants.
    pub(crate) struct Processors;

    impl Processors {
        pub(crate) const fn of_this_thread() -> Option<Self> {
            None
        }

        #[expect(clippy::unused_self, reason = "as where the system is told")]
        pub(crate) const fn take(&self) {}
    }
}
