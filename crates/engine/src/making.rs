//! Who makes what blocks and groups remember.

/// The task to make something. Whoever leaves without having done it, even by a panic, puts it back.
pub(crate) struct Making<F: Fn(bool)> {
    put_back: F,
    /// Whether the next question is to make it, or one after many others.
    pub(crate) is_next: bool,
    is_done: bool,
}

impl<F: Fn(bool)> Making<F> {
    /// A task that is put back with whether the next question is to do it.
    pub(crate) fn new(put_back: F) -> Self {
        Self { put_back, is_next: true, is_done: false }
    }

    /// Says that it was made, or found not to be worth it.
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl<F: Fn(bool)> Drop for Making<F> {
    fn drop(&mut self) {
        if !self.is_done {
            (self.put_back)(self.is_next);
        }
    }
}
