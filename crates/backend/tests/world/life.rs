//! How long a tab lives: a count of steps towards the outside (storage, network, the page's own storage), after which
//! nothing it does reaches anything any more. That is what the end of a process looks like from outside.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The life of one tab.
#[derive(Debug, Default)]
pub(crate) struct Life {
    left: Cell<Option<u32>>,
    is_over: Cell<bool>,
}

impl Life {
    /// It ends at the step after `steps` more.
    pub(crate) fn ends_after(&self, steps: u32) {
        self.left.set(Some(steps));
    }

    /// It goes on.
    pub(crate) fn goes_on(&self) {
        self.left.set(None);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// One step towards the outside; false = it is not taken.
    pub(crate) fn step(&self) -> bool {
        if self.is_over.get() {
            return false;
        }
        match self.left.get() {
            None => true,
            Some(0) => {
                self.is_over.set(true);
                false
            }
            Some(left) => {
                self.left.set(Some(left - 1));
                true
            }
        }
    }
}

thread_local! {
    /// The life that what runs on this thread belongs to.
    static NOW: RefCell<Option<Rc<Life>>> = const { RefCell::new(None) };
}

/// Runs `act` as a part of this life: databases commit only while it lasts.
pub(crate) fn within<T>(life: &Rc<Life>, act: impl FnOnce() -> T) -> T {
    let before = NOW.replace(Some(Rc::clone(life)));
    let value = act();
    NOW.set(before);
    value
}

fn may_commit() -> bool {
    NOW.with_borrow(|life| life.as_ref().is_none_or(|life| life.step()))
}

/// Asks [`may_commit`] before each commit of each database of this process.
#[allow(
    unsafe_code,
    reason = "SQLite offers its hook for all connections in C only, and the store keeps its connection to itself"
)]
mod hook {
    use rusqlite::ffi;
    use std::ffi::{c_char, c_int, c_void};
    use std::ptr::null_mut;
    use std::sync::Once;

    unsafe extern "C" fn on_commit(_: *mut c_void) -> c_int {
        // Anything but 0 turns the commit into a rollback.
        c_int::from(!super::may_commit())
    }

    unsafe extern "C" fn on_open(
        database: *mut ffi::sqlite3,
        _: *mut *mut c_char,
        _: *const ffi::sqlite3_api_routines,
    ) -> c_int {
        // SAFETY: SQLite calls this with an open database; the hook takes no argument that could die before it.
        unsafe { ffi::sqlite3_commit_hook(database, Some(on_commit), null_mut()) };
        ffi::SQLITE_OK
    }

    pub(super) fn install() {
        static ONCE: Once = Once::new();
        // SAFETY: the function has the signature that SQLite documents for extensions.
        ONCE.call_once(|| unsafe {
            ffi::sqlite3_auto_extension(Some(on_open));
        });
    }
}

pub(crate) fn watch_commits() {
    hook::install();
}
