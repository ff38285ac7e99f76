//! Whether bytes are UTF-8.

/// Whether all bytes are UTF-8, in pieces.
#[derive(Default)]
pub(super) struct Utf8 {
    /// The first bytes of a letter whose others have not come yet.
    open: Vec<u8>,
    letters: u64,
    faults: u64,
}

/// What the bytes of a whole file are.
pub(super) enum Utf8Verdict {
    Ascii,
    Valid,
    /// A few faults among many letters: damage, not another encoding.
    Nearly,
    No,
}

impl Utf8 {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.open.is_empty() && !rest.is_empty() {
            self.open.push(rest[0]);
            rest = &rest[1..];
            let open = std::mem::take(&mut self.open);
            self.read(&open);
        }
        self.read(rest);
    }

    fn read(&mut self, mut bytes: &[u8]) {
        loop {
            let Err(error) = std::str::from_utf8(bytes) else {
                return self.count(bytes);
            };
            let (good, bad) = bytes.split_at(error.valid_up_to());
            self.count(good);
            match error.error_len() {
                None => {
                    self.open = bad.to_vec();
                    return;
                }
                Some(length) => {
                    self.faults += 1;
                    bytes = &bad[length..];
                }
            }
        }
    }

    fn count(&mut self, valid: &[u8]) {
        self.letters += valid.iter().filter(|byte| **byte >= 0xc0).count() as u64;
    }

    /// Some bytes are not UTF-8, or something else is the case.
    pub(super) fn has_faults_or(&self, other: bool) -> bool {
        self.faults > 0 || other
    }

    /// After the last bytes.
    pub(super) fn verdict(&self) -> Utf8Verdict {
        let faults = self.faults + u64::from(!self.open.is_empty());
        match (faults, self.letters) {
            (0, 0) => Utf8Verdict::Ascii,
            (0, _) => Utf8Verdict::Valid,
            (faults, letters) if letters >= 10 * faults => Utf8Verdict::Nearly,
            _ => Utf8Verdict::No,
        }
    }
}
