//! The few command line arguments there are, taken one by one so that what is left over can be refused.

use anyhow::{Result, bail};

/// What is left of the command line.
pub(crate) struct Args {
    rest: Vec<String>,
    /// Everything after `--`.
    pub(crate) trailing: Vec<String>,
}

impl Args {
    /// The arguments of this process.
    pub(crate) fn from_env() -> Self {
        let mut rest: Vec<String> = std::env::args().skip(1).collect();
        let trailing = match rest.iter().position(|word| word == "--") {
            Some(at) => rest.split_off(at).into_iter().skip(1).collect(),
            None => Vec::new(),
        };
        Self { rest, trailing }
    }

    /// No arguments at all.
    pub(crate) fn none() -> Self {
        Self {
            rest: Vec::new(),
            trailing: Vec::new(),
        }
    }

    /// Takes the first word that is not an option.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        let at = self.rest.iter().position(|word| !word.starts_with("--"))?;
        Some(self.rest.remove(at))
    }

    /// Takes a switch such as `--open`; says whether it was there.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let before = self.rest.len();
        self.rest.retain(|word| word != name);
        self.rest.len() < before
    }

    /// Takes an option with a value: `--port 8000` or `--port=8000`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        if let Some(at) = self.rest.iter().position(|word| word == name) {
            self.rest.remove(at);
            if at >= self.rest.len() {
                bail!("{name} needs a value");
            }
            return Ok(Some(self.rest.remove(at)));
        }
        let with_equals = format!("{name}=");
        let Some(at) = self
            .rest
            .iter()
            .position(|word| word.starts_with(&with_equals))
        else {
            return Ok(None);
        };
        Ok(Some(self.rest.remove(at).split_off(with_equals.len())))
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.rest.first() {
            Some(word) => bail!("`{word}` is not understood here; see `cargo xtask help`"),
            None => Ok(()),
        }
    }
}
