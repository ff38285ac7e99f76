//! From an address to a model on the device: what is kept is read, the rest is fetched and kept, and all of it is unpacked
//! as it comes. The file is never in memory as a whole.

use super::early::{self, Tested};
use super::files::{self, Note};
use super::opfs::{self, Open};
use super::{Host, Out, chats, failure, kits};
use futures::channel::oneshot;
use js_sys::{Reflect, Uint8Array};
use seedbed_core::engine::{
    EngineFile, EngineLine, EngineLoaded, EngineModel, EngineOrder, EngineSizes, EngineStage,
};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_engine::chat::{self, Chat};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::weights::{Builder, Weights};
use seedbed_tokens::Vocabulary;
use seedbed_weights::{GgufReader, Header, Rows, SafetensorsReader, part_names};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, RequestCredentials, RequestInit,
    Response,
};

/// Bytes between two messages of progress.
const STEP: u64 = 1 << 20;
/// Bytes read from storage at once.
pub(crate) const PIECE: usize = 4 << 20;
/// Most bytes of a file that is read as a text. Gemma's tokenizer.json has 33 MB.
const TEXT_BYTES: usize = 64 << 20;

/// Loads what `body` orders.
pub(crate) async fn load(host: &Rc<Host>, out: &Out, body: &str) -> Result<(), Failure> {
    let order: EngineOrder = serde_json::from_str(body)
        .map_err(|error| failure("The model could not be loaded.", error))?;
    bring(host, out, order).await
}

/// Loads a kept model for a chat that asks for it, unless another chat just did.
pub(crate) async fn again(host: &Rc<Host>, out: &Out, order: EngineOrder) -> Result<(), Failure> {
    let quiet = Out {
        is_silent: true,
        ..out.clone()
    };
    let _one = host.loading.lock().await;
    let is_there = host
        .loaded
        .borrow()
        .as_ref()
        .is_some_and(|loaded| loaded.model.name == order.model.name);
    if is_there {
        Ok(())
    } else {
        locked(host, &quiet, order).await
    }
}

/// Opens the device anew after it was lost, and goes on with what was open.
pub(crate) async fn recover(host: &Rc<Host>, chat: &mut Chat) -> Result<(), Failure> {
    let order = host.order.borrow().clone();
    let Some(order) = order.filter(|_| {
        host.context
            .borrow()
            .as_ref()
            .is_some_and(|context| context.lost().is_some())
    }) else {
        return Err(failure("The device failed.", "Load the model again."));
    };
    let _one = host.loading.lock().await;
    let quiet = Out::nobody();
    let ready = read(host, &quiet, &order).await?;
    let weights = Rc::new(ready.weights);
    *host.weights.borrow_mut() = Rc::downgrade(&weights);
    chat.recover(ready.context, weights)
        .map_err(|error| failure("The device failed.", error))
}

/// Loads `order` and starts the loop that runs it.
async fn bring(host: &Rc<Host>, out: &Out, order: EngineOrder) -> Result<(), Failure> {
    let _one = host.loading.lock().await;
    locked(host, out, order).await
}

async fn locked(host: &Rc<Host>, out: &Out, order: EngineOrder) -> Result<(), Failure> {
    let started = js_sys::Date::now();
    host.unload();
    let ready = read(host, out, &order).await?;
    load_chat(host, out, ready, order.sizes, started).await?;
    *host.order.borrow_mut() = Some(order);
    Ok(())
}

/// A model whose files were read.
struct Ready {
    weights: Weights,
    header: Header,
    vocabulary: Vocabulary,
    model: EngineModel,
    context: Rc<Context>,
    is_kept: bool,
    /// Error of the self-test.
    self_test: f64,
}

async fn read(host: &Rc<Host>, out: &Out, order: &EngineOrder) -> Result<Ready, Failure> {
    let context = host
        .context()
        .await
        .map_err(|error| failure("This browser can't run a model.", error))?;
    let mut model = order.model.clone();
    let mut load = Load::new(
        context.clone(),
        out.clone(),
        &model.name,
        model.bytes.unwrap_or(0),
        Some(order.sizes),
    );
    load.tell();
    let key = files::key(&model);
    let mut vocabulary = None;
    if !model.files.is_empty() {
        vocabulary = Some(load.checkpoint(&mut model, &key).await?);
    } else if let Some(names) = part_names(&model.name) {
        // The files of a split model lie beside each other.
        let mut all = Sha256::new();
        for (index, name) in names.iter().enumerate() {
            let part = EngineModel {
                url: model.url.replace(&model.name, name),
                name: name.clone(),
                bytes: None,
                sha256: None,
                ..model.clone()
            };
            let sha256 = if index == 0 {
                load.whole(part, &key, None).await?.sha256
            } else {
                load.next_file(name, None)?;
                let part_key = files::key(&part);
                load.whole(part, &part_key, Some(&key)).await?.sha256
            };
            all.update(sha256.unwrap_or_default());
        }
        // One name for all of it: the hash of the files' hashes.
        model.sha256 = Some(files::hex(&all.finalize()));
        model.bytes = Some(load.before);
    } else {
        model = load.whole(model, &key, None).await?;
    }
    let is_kept = load.is_kept;
    if !is_kept {
        // A part of it would be of no use, and takes up what others need.
        let _ = files::remove(&key).await;
    }
    let (weights, header, early) = load.finish()?;
    let bytes = model.bytes.unwrap_or(0);
    out.line(&EngineLine::Progress {
        stage: EngineStage::Testing,
        done: bytes,
        total: bytes,
    });
    // Begun while the weights came, if the header came in one.
    let early = match early {
        Some(early) => early.await.ok(),
        None => None,
    };
    let self_test = match early {
        Some(tested) => tested?,
        None => early::test(&context, &header).await?,
    };
    Ok(Ready {
        self_test,
        vocabulary: vocabulary.unwrap_or_else(|| chat::vocabulary(&header.metadata)),
        weights,
        header,
        model,
        context,
        is_kept,
    })
}

async fn load_chat(
    host: &Rc<Host>,
    out: &Out,
    ready: Ready,
    sizes: EngineSizes,
    started: f64,
) -> Result<(), Failure> {
    let Ready {
        weights,
        header,
        vocabulary,
        model,
        context,
        is_kept,
        self_test,
    } = ready;
    let bytes = model.bytes.unwrap_or(0);
    out.line(&EngineLine::Progress {
        stage: EngineStage::Preparing,
        done: bytes,
        total: bytes,
    });
    let mut options = early::options(&weights.spec, &context, sizes);
    let made = EngineSizes {
        context: options.context as u32,
        slots: options.slots as u32,
    };
    let weights = Rc::new(weights);
    *host.weights.borrow_mut() = Rc::downgrade(&weights);
    options.kit = kits::find(&context, &weights, &options).await;
    let chat =
        Chat::new(context, weights.clone(), options, &vocabulary, &today()).map_err(cannot)?;
    let loaded = EngineLoaded {
        family: format!("{:?}", weights.spec.arch),
        quantization: quantization(&header),
        weight_bytes: weights.bytes(),
        memory_bytes: chat.kv_bytes(),
        sizes: made,
        self_test,
        seconds: (js_sys::Date::now() - started) / 1000.0,
        is_kept,
        model,
    };
    *host.loaded.borrow_mut() = Some(loaded);
    chats::start(host, chat);
    Ok(())
}

/// The type of most weights.
fn quantization(header: &Header) -> String {
    let mut sums: Vec<(&'static str, u64)> = Vec::new();
    for tensor in &header.tensors {
        let name = tensor.dtype.name();
        match sums.iter_mut().find(|one| one.0 == name) {
            Some(one) => one.1 += tensor.bytes,
            None => sums.push((name, tensor.bytes)),
        }
    }
    sums.into_iter()
        .max_by_key(|one| one.1)
        .map_or_else(String::new, |one| one.0.to_owned())
}

/// The date that templates may insert; fixed for a day, so that rows of a run agree.
fn today() -> String {
    js_sys::Date::new_0()
        .to_iso_string()
        .as_string()
        .unwrap_or_default()[..10]
        .to_owned()
}

/// What becomes of the bytes of a file.
enum Reader {
    Gguf(Box<GgufReader>),
    Safetensors(Box<SafetensorsReader>),
    Text(Vec<u8>),
}

pub(crate) struct Load {
    context: Rc<Context>,
    out: Out,
    reader: Reader,
    builder: Option<Builder>,
    hash: Sha256,
    /// Bytes of this file.
    have: u64,
    /// Bytes of the files before it.
    before: u64,
    total: u64,
    told: u64,
    stage: EngineStage,
    /// All that was read is in storage.
    is_kept: bool,
    /// For how many the kernels are made early; not at all without.
    sizes: Option<EngineSizes>,
    /// The self-test's outcome, once it began.
    early: Option<oneshot::Receiver<Tested>>,
}

fn cannot(error: impl ToString) -> Failure {
    failure("This model can't be run here.", error)
}

fn gguf(name: &str) -> Reader {
    Reader::Gguf(Box::new(GgufReader::new(name, None)))
}

impl Load {
    pub(crate) fn new(
        context: Rc<Context>,
        out: Out,
        name: &str,
        total: u64,
        sizes: Option<EngineSizes>,
    ) -> Self {
        Self {
            context,
            out,
            reader: gguf(name),
            builder: None,
            hash: Sha256::new(),
            have: 0,
            before: 0,
            total,
            told: 0,
            stage: EngineStage::Connecting,
            is_kept: true,
            sizes,
            early: None,
        }
    }

    /// The file is one in safetensors.
    pub(crate) fn read_safetensors(&mut self, reader: SafetensorsReader) {
        self.reader = Reader::Safetensors(Box::new(reader));
    }

    fn header(&self) -> Option<&Header> {
        match &self.reader {
            Reader::Gguf(reader) => reader.header(),
            Reader::Safetensors(reader) => reader.header(),
            Reader::Text(_) => None,
        }
    }

    fn tell(&mut self) {
        self.told = self.have;
        self.out.line(&EngineLine::Progress {
            stage: self.stage,
            done: self.before + self.have,
            total: self.total,
        });
    }

    fn set_stage(&mut self, stage: EngineStage) {
        self.stage = stage;
        self.tell();
    }

    /// Takes the next bytes of the file.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.out.is_stopped.get() {
            return Err(stopped());
        }
        self.hash.update(bytes);
        let (context, builder) = (&self.context, &mut self.builder);
        let mut trouble = None;
        let mut sink = |rows: Rows<'_>| {
            if trouble.is_some() {
                return Ok(());
            }
            let outcome = match builder.as_mut() {
                Some(builder) => builder.rows(context, &rows),
                None => Builder::new(&rows.header.spec)
                    .and_then(|made| builder.insert(made).rows(context, &rows)),
            };
            trouble = outcome.err();
            Ok(())
        };
        match &mut self.reader {
            Reader::Gguf(reader) => reader.push(bytes, &mut sink).map_err(cannot)?,
            Reader::Safetensors(reader) => reader.push(bytes, &mut sink).map_err(cannot)?,
            Reader::Text(text) if text.len() + bytes.len() > TEXT_BYTES => {
                let most = TEXT_BYTES >> 20;
                return Err(cannot(format!(
                    "A file that describes it has more than {most} MB."
                )));
            }
            Reader::Text(text) => text.extend_from_slice(bytes),
        }
        if let Some(error) = trouble {
            return Err(cannot(error));
        }
        if self.early.is_none()
            && self.builder.is_some()
            && let Some(sizes) = self.sizes
            && let Some(header) = self.header()
        {
            let begun = early::begin(self.context.clone(), header.clone(), sizes);
            self.early = Some(begun);
        }
        self.have += bytes.len() as u64;
        if self.have - self.told >= STEP {
            self.tell();
        }
        Ok(())
    }

    fn next_file(&mut self, name: &str, bytes: Option<u64>) -> Result<(), Failure> {
        match &mut self.reader {
            Reader::Gguf(reader) => reader.next_file(name, bytes).map_err(cannot),
            Reader::Safetensors(reader) => reader.next_file(name, bytes).map_err(cannot),
            Reader::Text(_) => Ok(()),
        }
    }

    /// Reads a model in safetensors: what describes it, its tokenizer, then its weights.
    async fn checkpoint(
        &mut self,
        model: &mut EngineModel,
        key: &str,
    ) -> Result<Vocabulary, Failure> {
        // The files that are kept belong to this note, whole or not.
        let mut note = files::note(key).await.unwrap_or_default();
        note.model = model.clone();
        self.is_kept = files::write_note(key, &note).await.is_ok();
        let is_weights = |file: &&EngineFile| file.name.ends_with(".safetensors");
        let mut all = Sha256::new();
        let mut texts = BTreeMap::new();
        for file in model.files.iter().filter(|file| !is_weights(file)) {
            self.reader = Reader::Text(Vec::new());
            all.update(self.part(model, file, key).await?);
            if let Reader::Text(bytes) = &mut self.reader {
                let text = String::from_utf8(std::mem::take(bytes))
                    .map_err(|error| cannot(format!("{} is no text: {error}", file.name)))?;
                texts.insert(file.name.clone(), text);
            }
        }
        let vocabulary = files::vocabulary(&texts).map_err(cannot)?;
        let config = texts
            .get("config.json")
            .ok_or_else(|| cannot("Its config.json is missing."))?;
        let index = texts
            .iter()
            .find(|(name, _)| name.ends_with(".safetensors.index.json"));
        let single = model.files.iter().find(is_weights);
        let single = single.map(|file| file.name.as_str()).unwrap_or_default();
        let reader = match index {
            Some((_, index)) => SafetensorsReader::sharded(index, config, None),
            None => SafetensorsReader::new(single, config, None),
        }
        .map_err(cannot)?;
        let mut names = reader.files().to_vec();
        if names.is_empty() {
            names.push(single.to_owned());
        }
        self.reader = Reader::Safetensors(Box::new(reader));
        let mut weights = Vec::with_capacity(names.len());
        for name in &names {
            let file = model.files.iter().find(|file| file.name == *name);
            weights.push(file.ok_or_else(|| {
                cannot(format!(
                    "Its weights are also in {name}, which was not chosen."
                ))
            })?);
        }
        for (index, (name, file)) in names.iter().zip(weights).enumerate() {
            if index > 0 {
                self.next_file(name, file.bytes)?;
            }
            all.update(self.part(model, file, key).await?);
        }
        model.sha256 = Some(files::hex(&all.finalize()));
        model.bytes = Some(self.before);
        if self.is_kept {
            note.model = model.clone();
            note.is_whole = true;
            note.used_ms = js_sys::Date::now();
            self.is_kept = files::write_note(key, &note).await.is_ok();
        }
        Ok(vocabulary)
    }

    /// Reads one file of a model in several; its hash.
    async fn part(
        &mut self,
        model: &EngineModel,
        file: &EngineFile,
        key: &str,
    ) -> Result<String, Failure> {
        let part = EngineModel {
            url: file.url.clone(),
            name: file.name.clone(),
            bytes: file.bytes,
            sha256: None,
            files: Vec::new(),
            ..model.clone()
        };
        let part_key = files::part_key(key, &file.name);
        let part = self.whole(part, &part_key, Some(key)).await?;
        Ok(part.sha256.unwrap_or_default())
    }

    /// Reads what is kept of a file and fetches the rest; what is known of it then.
    async fn whole(
        &mut self,
        asked: EngineModel,
        key: &str,
        part_of: Option<&str>,
    ) -> Result<EngineModel, Failure> {
        let mut model = asked;
        let mut note = files::note(key).await.unwrap_or_default();
        // Without storage the model runs all the same; it is only fetched again next time.
        let mut file = Open::new(&files::data_name(key)).await.ok();
        self.hash = Sha256::new();
        self.have = 0;
        if note.is_whole {
            // What is kept says more than what was asked for, except where a picked file is now.
            let url = std::mem::replace(&mut model, note.model.clone()).url;
            model.url = url;
        }
        let mut kept = match &file {
            // Bytes without a note are of nobody knows what.
            Some(file) if note.model != EngineModel::default() => file.size(),
            _ => 0,
        };
        if model.bytes.is_some_and(|bytes| kept > bytes) {
            kept = 0;
        }
        if self.total == 0 {
            self.total = model.bytes.unwrap_or(0);
        }
        if let (Some(open), true) = (&file, kept > 0) {
            self.set_stage(EngineStage::Reading);
            let mut buffer = vec![0; PIECE.min(kept as usize)];
            while self.have < kept {
                match open.read(self.have, &mut buffer) {
                    Ok(read) if read > 0 => self.take(&buffer[..read])?,
                    // The browser has taken it back; the rest is fetched.
                    _ => break,
                }
                breathe().await;
            }
        }
        let is_there = note.is_whole && model.bytes == Some(self.have);
        note.part_of = part_of.map(str::to_owned);
        if !is_there {
            self.fetch(&mut model, key, &mut note, &mut file).await?;
        }
        self.is_kept &= file.is_some();
        let is_in_storage = file.is_some();
        drop(file);
        let sha256 = files::hex(&self.hash.clone().finalize());
        let wrong = match &model.sha256 {
            Some(wanted) => !wanted.eq_ignore_ascii_case(&sha256),
            None => false,
        };
        if wrong || model.bytes.is_some_and(|bytes| bytes != self.have) {
            let _ = files::remove(key).await;
            return Err(Failure::new(
                FailureKind::Invalid,
                format!(
                    "{} is damaged: its checksum is not the one it should have.",
                    model.name
                ),
            )
            .means("It was deleted; no model runs in this tab.")
            .next("Load it again."));
        }
        model.sha256 = Some(sha256);
        model.bytes = Some(self.have);
        note.model = model.clone();
        note.is_whole = true;
        note.used_ms = js_sys::Date::now();
        if is_in_storage && files::write_note(key, &note).await.is_err() {
            self.is_kept = false;
            let _ = files::remove(key).await;
        }
        self.before += self.have;
        Ok(model)
    }

    async fn fetch(
        &mut self,
        model: &mut EngineModel,
        key: &str,
        note: &mut Note,
        file: &mut Option<Open>,
    ) -> Result<(), Failure> {
        let is_picked = model.url.starts_with("blob:");
        let was_whole = note.is_whole;
        let name = model.name.clone();
        let can_keep = file.is_some();
        let offline = |error: String| {
            // A picked file's address ends with the page that picked it.
            if is_picked {
                return Failure::new(FailureKind::NotFound, format!("{name} can't be read."))
                    .means(if was_whole {
                        "Its copy in this browser is gone or cut short: browsers take storage back when the disk is full."
                    } else {
                        "No model runs in this tab."
                    })
                    .next("Choose the file on this computer again.")
                    .detail(error);
            }
            let failure = Failure::new(
                FailureKind::Network,
                if was_whole {
                    "The kept file is gone or cut short, and could not be fetched again."
                } else {
                    "The model could not be fetched."
                },
            )
            .detail(error);
            if can_keep {
                failure
                    .means("What has arrived is kept.")
                    .next("Check the connection and load it again: it goes on where it stopped.")
            } else {
                failure
                    .means("This browser's storage is full, switched off or in use by another tab, so nothing is kept.")
                    .next("Check the connection and load it again.")
            }
        };
        self.set_stage(EngineStage::Downloading);
        let scope = super::scope().ok_or_else(|| offline("this is no worker".to_owned()))?;
        let controller = AbortController::new().map_err(|error| offline(opfs::words(&error)))?;
        let init = RequestInit::new();
        init.set_method("GET");
        init.set_credentials(RequestCredentials::Omit);
        init.set_signal(Some(&controller.signal()));
        let mut from = self.have;
        if from > 0 {
            let headers = Headers::new().map_err(|error| offline(opfs::words(&error)))?;
            // This header alone needs no leave of the server's.
            headers
                .append(
                    "Range",
                    &format!(
                        "bytes={from}-{}",
                        model
                            .bytes
                            .map_or(String::new(), |bytes| (bytes - 1).to_string())
                    ),
                )
                .map_err(|error| offline(opfs::words(&error)))?;
            init.set_headers(&headers);
        }
        let response: Response = JsFuture::from(scope.fetch_with_str_and_init(&model.url, &init))
            .await
            .map_err(|error| offline(opfs::words(&error)))?
            .dyn_into()
            .map_err(|error| offline(opfs::words(&error)))?;
        let header = |name: &str| response.headers().get(name).ok().flatten();
        let version = header("etag");
        match response.status() {
            416 if model.bytes.is_none_or(|bytes| bytes == from) => return Ok(()),
            206 if note.version.is_none() || version.is_none() || note.version == version => {}
            200 | 206 if from > 0 => {
                // Another version, or a server that can't give a part: from the start.
                controller.abort();
                if let Some(file) = file.as_ref() {
                    let _ = file.truncate(0);
                }
                if self.before > 0 {
                    *file = None;
                    let _ = files::remove(key).await;
                    return Err(failure(
                        "One of the model's files has changed on the server.",
                        "Load it again.",
                    ));
                }
                self.reader = gguf(&model.name);
                self.builder = None;
                self.early = None;
                self.hash = Sha256::new();
                self.have = 0;
                *note = Note {
                    part_of: note.part_of.clone(),
                    ..Note::default()
                };
                return Box::pin(self.fetch(model, key, note, file)).await;
            }
            200 => from = 0,
            404 => {
                return Err(Failure::new(
                    FailureKind::NotFound,
                    format!("There is no file {} at this address.", model.name),
                )
                .means("No model runs in this tab.")
                .next("Check the link: it should end in .gguf and open in a browser."));
            }
            401 | 403 => {
                return Err(Failure::new(FailureKind::Forbidden, format!("{} can't be fetched without leave.", model.name))
                    .means("No model runs in this tab.")
                    .next("Accept its conditions on its page, download the file there, and choose it as a file on this computer."));
            }
            status => return Err(offline(format!("the server answered {status}"))),
        }
        if self.total == 0 {
            self.total = header("content-length")
                .and_then(|text| text.parse::<u64>().ok())
                .map_or(0, |left| left + from);
        }
        note.model = model.clone();
        note.version = version;
        note.is_whole = false;
        if file.is_some() && files::write_note(key, note).await.is_err() {
            self.keep_not(key, file).await;
        }
        let reader: ReadableStreamDefaultReader = response
            .body()
            .ok_or_else(|| offline("the answer was empty".to_owned()))?
            .get_reader()
            .dyn_into()
            .map_err(|error| offline(opfs::words(&error)))?;
        loop {
            let piece = match JsFuture::from(reader.read()).await {
                Ok(piece) => piece,
                Err(error) => return Err(offline(opfs::words(&error))),
            };
            if Reflect::get(&piece, &"done".into()).is_ok_and(|done| done.is_truthy()) {
                break;
            }
            let Ok(bytes) = Reflect::get(&piece, &"value".into())
                .and_then(wasm_bindgen::JsCast::dyn_into::<Uint8Array>)
            else {
                continue;
            };
            let bytes = bytes.to_vec();
            if let Some(open) = file.as_ref() {
                // A full disk costs only the copy for next time.
                if open.write(self.have, &bytes).is_err() {
                    let _ = open.truncate(0);
                    self.keep_not(key, file).await;
                }
            }
            if let Err(error) = self.take(&bytes) {
                controller.abort();
                if let Some(open) = file.as_ref() {
                    open.flush();
                }
                return Err(error);
            }
        }
        if let Some(open) = file.as_ref() {
            open.flush();
        }
        if model.bytes.is_some_and(|bytes| self.have < bytes) {
            return Err(offline(format!(
                "the connection ended after {} bytes",
                self.have
            )));
        }
        Ok(())
    }

    /// Gives up keeping the file: the disk is full.
    async fn keep_not(&mut self, key: &str, file: &mut Option<Open>) {
        self.is_kept = false;
        *file = None;
        let _ = files::remove(key).await;
    }

    /// The weights, what describes them, and the self-test that began meanwhile.
    pub(crate) fn finish(
        mut self,
    ) -> Result<(Weights, Header, Option<oneshot::Receiver<Tested>>), Failure> {
        match &mut self.reader {
            Reader::Gguf(reader) => reader.finish().map_err(cannot)?,
            Reader::Safetensors(reader) => reader.finish().map_err(cannot)?,
            Reader::Text(_) => {}
        }
        let header = self
            .header()
            .cloned()
            .ok_or_else(|| cannot("It has no header."))?;
        let builder = self.builder.ok_or_else(|| cannot("It holds no weights."))?;
        let weights = builder.finish(&self.context).map_err(cannot)?;
        // Memory that ran out is told later than it was asked for.
        if let Some(reason) = self.context.lost() {
            return Err(failure("The model does not fit this device.", reason));
        }
        Ok((weights, header, self.early))
    }
}

fn stopped() -> Failure {
    Failure::new(FailureKind::Network, "Loading was stopped.")
        .means("What has arrived is kept.")
        .next("Load it again to go on from there.")
}

/// Lets messages in: a stop among them.
pub(crate) async fn breathe() {
    gloo_timers::future::TimeoutFuture::new(0).await;
}
