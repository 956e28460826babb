//! What a piece of work took.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Processor and wall time of one piece of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// User and system time of all threads of this process, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// Elapsed time in milliseconds.
    pub(crate) wall_ms: f64,
}

/// Does the work once.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (started, cpu_before_ms) = (Instant::now(), process_cpu_ms());
    let result = work();
    let cpu_ms = process_cpu_ms() - cpu_before_ms;
    (result, Cost { cpu_ms, wall_ms: started.elapsed().as_secs_f64() * 1e3 })
}

fn process_cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
