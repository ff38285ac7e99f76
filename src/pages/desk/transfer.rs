//! Files that leave the page and come in, in pieces: neither side ever holds a whole project.

use super::{Desk, browser, failure_of};
use crate::platform::files;
use js_sys::{Array, JsString};
use seedbed_core::import::TableSource;
use seedbed_core::messages::{ExportKind, Failure, FailureKind, Reply, Request};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, File};

/// Bytes of a file that are read at once.
const PIECE_BYTES: f64 = 1_000_000.0;
/// How a project that Seedbed saved as lines begins.
const SAVED: &str = "{\"seedbed_project\"";

fn misled() -> Failure {
    failure_of("The worker gave another answer than asked for.")
}

impl Desk {
    /// Writes a file of the open project and has the browser save it. Returns its name.
    ///
    /// # Errors
    /// Those of the worker, and the browser's refusal to save.
    pub async fn save_file(self, kind: ExportKind) -> Result<String, Failure> {
        let project = self.project_id();
        let parts = Array::new();
        let mut after = None;
        loop {
            let request = Request::Export {
                project: project.clone(),
                kind,
                after,
            };
            let Reply::File { name, mime, piece } = self.ask(request).await? else {
                return Err(misled());
            };
            // Each piece as a blob of its own, which the browser may keep on disk.
            parts.push(&blob_of(&piece.text)?);
            if piece.next.is_some() {
                after = piece.next;
                continue;
            }
            browser::download(&name, &mime, &parts)?;
            if kind == ExportKind::Bundle {
                self.ask(Request::Exported { project }).await?;
            }
            return Ok(name);
        }
    }

    /// Has the browser save a text that is at hand.
    ///
    /// # Errors
    /// The browser's refusal to save.
    pub fn save_text(self, name: &str, mime: &str, text: &str) -> Result<(), Failure> {
        browser::download(name, mime, &Array::of1(&blob_of(text)?))
    }

    /// Has the worker read a file, into the open project `into` or a new one.
    ///
    /// # Errors
    /// What is wrong with the file; a new project is not left behind then.
    pub async fn read_file(self, file: &File, into: Option<String>) -> Result<Reply, Failure> {
        let name = file.name();
        let start = text_of(&slice(file, 0.0, 64.0)?, &name).await?;
        if !start.trim_start_matches('\u{feff}').starts_with(SAVED) {
            let source = TableSource::File {
                file: self.hand_over(file),
                name: name.clone(),
            };
            if let Some(reply) = self.tables().take_in(source, into.clone()).await? {
                return Ok(reply);
            }
            let text = files::read_text(file).await?;
            return self
                .ask(match into {
                    Some(project) => Request::ImportInto {
                        project,
                        name,
                        text,
                    },
                    None => Request::ImportProject { name, text },
                })
                .await;
        }
        let begin = Request::BeginImport {
            name: name.clone(),
            into,
        };
        let Reply::Importing(import) = self.ask(begin).await? else {
            return Err(misled());
        };
        let read = self.read_pieces(file, &name, import).await;
        let end = Request::EndImport {
            import,
            gives_up: read.is_err(),
        };
        match read {
            Ok(()) => self.ask(end).await,
            Err(failure) => {
                // What is wrong with the file is the answer, whatever becomes of the end.
                self.ask(end).await.ok();
                Err(failure)
            }
        }
    }

    async fn read_pieces(self, file: &File, name: &str, import: u32) -> Result<(), Failure> {
        let mut at = 0.0;
        let mut rest: Vec<u8> = Vec::new();
        while at < file.size() {
            let piece = slice(file, at, at + PIECE_BYTES)?;
            at += PIECE_BYTES;
            let mut bytes = std::mem::take(&mut rest);
            bytes.extend(files::bytes_of(&piece, name).await?);
            // A piece may end inside a character: the next one has the rest of it.
            let whole = match std::str::from_utf8(&bytes) {
                Ok(text) => text.len(),
                Err(error) if error.error_len().is_none() && at < file.size() => {
                    error.valid_up_to()
                }
                Err(error) => {
                    return Err(Failure::new(
                        FailureKind::Invalid,
                        format!("{name} is not UTF-8 text, as every saved project is."),
                    )
                    .next("Take the file as Seedbed saved it.")
                    .detail(error.to_string()));
                }
            };
            rest = bytes.split_off(whole);
            let text = String::from_utf8(bytes).unwrap_or_default();
            self.ask(Request::ImportPiece { import, text }).await?;
        }
        Ok(())
    }
}

fn blob_of(text: &str) -> Result<JsValue, Failure> {
    Blob::new_with_str_sequence(&Array::of1(&JsValue::from_str(text)))
        .map(JsValue::from)
        .map_err(browser::not_saved)
}

fn slice(file: &File, from: f64, to: f64) -> Result<Blob, Failure> {
    file.slice_with_f64_and_f64(from, to.min(file.size()))
        .map_err(|error| files::unreadable(&file.name(), &error))
}

async fn text_of(blob: &Blob, name: &str) -> Result<String, Failure> {
    let text = wasm_bindgen_futures::JsFuture::from(blob.text())
        .await
        .map_err(|error| files::unreadable(name, &error))?;
    Ok(text
        .dyn_into::<JsString>()
        .map_or_else(|_text| String::new(), String::from))
}
