//! What can be wrong with a model file.

/// What kind of trouble an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file is fine, but of a kind this crate does not read.
    Unsupported,
    /// The file contradicts itself or its format.
    Malformed,
    /// The file ends too early.
    Truncated,
    /// Something is larger than [`crate::limits`] allow.
    TooLarge,
    /// The receiver of the rows gave up.
    Receiver,
}

/// Why a model can't be read: which file, what in it, the reason, and a way out if there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Error {
    /// What kind of trouble it is.
    pub kind: ErrorKind,
    /// Name of the file; empty where no file is involved.
    pub file: String,
    /// The tensor, key or place; empty when it is the file as a whole.
    pub subject: String,
    /// What is wrong, in plain words.
    pub reason: String,
    /// What the person can do instead.
    pub way_out: Option<&'static str>,
}

/// For files whose weights are stored in a way we do not read.
pub(crate) const OTHER_TYPES: &str = "Choose a Q4_0, Q4_K_M or Q8_0 file of this model";
/// For models that this engine does not know.
pub(crate) const OTHER_MODEL: &str =
    "Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family";
/// For broken downloads.
pub(crate) const AGAIN: &str = "Download the file again";

impl Error {
    fn new(kind: ErrorKind, subject: &str, reason: String) -> Self {
        Self {
            kind,
            file: String::new(),
            subject: shown(subject),
            reason,
            way_out: None,
        }
    }

    pub(crate) fn unsupported(subject: &str, reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, subject, reason.into())
    }

    pub(crate) fn malformed(subject: &str, reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, subject, reason.into())
    }

    pub(crate) fn truncated(subject: &str, reason: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Truncated, subject, reason.into());
        error.way_out = Some(AGAIN);
        error
    }

    pub(crate) fn too_large(subject: &str, what: &str, value: u64, limit: u64) -> Self {
        let reason = format!("{what} is {value}, more than the limit of {limit}");
        Self::new(ErrorKind::TooLarge, subject, reason)
    }

    /// The receiver of the rows can't go on (for instance, no memory on the device).
    pub fn receiver(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Receiver, "", reason.into())
    }

    pub(crate) fn way_out(mut self, text: &'static str) -> Self {
        self.way_out = Some(text);
        self
    }

    fn text(&self) -> String {
        let places = [&self.file, &self.subject].into_iter();
        let mut out: String = places
            .filter(|place| !place.is_empty())
            .flat_map(|place| [place.as_str(), ": "])
            .collect();
        out += &self.reason;
        out.push('.');
        if let Some(way_out) = self.way_out {
            out.extend([" ", way_out, "."]);
        }
        out
    }

    /// Names the file, unless the error already does.
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            self.file = shown(file);
        }
        self
    }
}

/// A name from a file, fit to be shown: no control characters, not endless.
pub(crate) fn shown(name: &str) -> String {
    const LONGEST: usize = 120;
    let mut out: String = name
        .chars()
        .take(LONGEST)
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}
