//! Large pages for long lists of rows.
//!
//! The first touch of each page of 4 KiB enters the kernel. An answer of a hundred megabytes spends a third of its time
//! there; with pages of 2 MiB it does not.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "advice about memory is a system call on an address")
)]

/// Bytes from which on large pages are asked for.
#[cfg(target_os = "linux")]
const BYTES_MIN: usize = 4 << 20;
/// Advice must begin at a page.
#[cfg(target_os = "linux")]
const PAGE: usize = 4096;

/// Other systems decide for themselves.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer<T>(_: &mut Vec<T>) {}

/// Asks the system for large pages under the room of an empty list. It may well say no.
#[cfg(target_os = "linux")]
pub(crate) fn prefer<T>(list: &mut Vec<T>) {
    let room = list.spare_capacity_mut();
    let bytes = size_of_val(room);
    if bytes < BYTES_MIN {
        return;
    }
    let begin = room.as_mut_ptr().cast::<u8>();
    let skipped = begin.align_offset(PAGE);
    // SAFETY: the range lies inside of the list's own room, of which nothing else knows. This advice changes how the
    // system backs the memory and neither what is in it nor who may read it.
    // Without large pages everything is the same but slower.
    let _advised = unsafe {
        rustix::mm::madvise(begin.add(skipped).cast(), bytes - skipped, rustix::mm::Advice::LinuxHugepage)
    };
}
