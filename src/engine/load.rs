//! From an address to a model on the device: what is kept is read, the rest is fetched and kept, and all of it is unpacked
//! as it comes. The file is never in memory as a whole.

use super::files::{self, Note};
use super::opfs::{self, Open};
use super::{Host, Out, chats, failure};
use js_sys::{Reflect, Uint8Array};
use seedbed_core::engine::{
    EngineLine, EngineLoaded, EngineModel, EngineOrder, EngineSizes, EngineStage,
};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_engine::chat::vocabulary;
use seedbed_engine::engine::Options;
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::weights::{Builder, Weights};
use seedbed_weights::{GgufReader, Header, part_names};
use sha2::{Digest as _, Sha256};
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
const PIECE: usize = 4 << 20;
/// Share of the device's memory that is taken to be there for sequences, in bytes: browsers do not tell.
const KV_BYTES: u64 = 256 << 20;

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
pub(crate) async fn recover(
    host: &Rc<Host>,
    chat: &mut seedbed_engine::chat::Chat,
) -> Result<(), Failure> {
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
    let (weights, _, _, context) = read(host, &quiet, &order).await?;
    chat.recover(context, Rc::new(weights))
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
    let (weights, header, model, context) = read(host, out, &order).await?;
    load_chat(
        host,
        out,
        weights,
        header,
        order.sizes,
        model,
        context,
        started,
    )
    .await?;
    *host.order.borrow_mut() = Some(order);
    Ok(())
}

async fn read(
    host: &Rc<Host>,
    out: &Out,
    order: &EngineOrder,
) -> Result<(Weights, Header, EngineModel, Rc<Context>), Failure> {
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
    );
    load.tell();
    match part_names(&model.name) {
        None => load.whole(&mut model).await?,
        Some(names) => {
            // The files of a split model lie beside each other.
            let mut all = Sha256::new();
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    load.reader
                        .next_file(name, None)
                        .map_err(|error| failure("This file can't be run here.", error))?;
                }
                let mut part = EngineModel {
                    url: model.url.replace(&model.name, name),
                    name: name.clone(),
                    bytes: None,
                    sha256: None,
                    ..model.clone()
                };
                load.whole(&mut part).await?;
                all.update(part.sha256.unwrap_or_default());
            }
            // One name for all of it: the hash of the files' hashes.
            model.sha256 = Some(files::hex(&all.finalize()));
            model.bytes = Some(load.before);
        }
    }
    let (weights, header) = load.finish()?;
    Ok((weights, header, model, context))
}

#[allow(clippy::too_many_arguments, reason = "the parts of one step")]
async fn load_chat(
    host: &Rc<Host>,
    out: &Out,
    weights: Weights,
    header: Header,
    sizes: EngineSizes,
    model: EngineModel,
    context: Rc<Context>,
    started: f64,
) -> Result<(), Failure> {
    let bytes = model.bytes.unwrap_or(0);
    let tell = |stage| {
        out.line(&EngineLine::Progress {
            stage,
            done: bytes,
            total: bytes,
        });
    };
    let cannot = |error: seedbed_engine::Error| failure("This model can't be run here.", error);
    tell(EngineStage::Testing);
    let self_test = seedbed_engine::selftest::run(&context, &header)
        .await
        .map_err(|error| {
            failure(
                "This device computes wrongly, so no model runs on it.",
                error,
            )
        })?;
    tell(EngineStage::Preparing);
    let options = options(&weights, &context, sizes);
    let made = EngineSizes {
        context: options.context as u32,
        slots: options.slots as u32,
    };
    let weights = Rc::new(weights);
    let chat = seedbed_engine::chat::Chat::new(
        context,
        weights.clone(),
        options,
        &vocabulary(&header.metadata),
        &today(),
    )
    .map_err(cannot)?;
    let loaded = EngineLoaded {
        family: format!("{:?}", weights.spec.arch),
        quantization: quantization(&header),
        weight_bytes: weights.bytes(),
        memory_bytes: chat.kv_bytes(),
        sizes: made,
        self_test,
        seconds: (js_sys::Date::now() - started) / 1000.0,
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

/// Sizes that fit the device, where the person chose none.
fn options(weights: &Weights, context: &Context, sizes: EngineSizes) -> Options {
    let spec = &weights.spec;
    let is_slow = context.adapter.is_software;
    let length = match sizes.context {
        0 => 2048,
        chosen => chosen as usize,
    }
    .min(spec.context);
    let per_slot = spec.kv_bytes_per_token_f16().max(1) * length as u64;
    let per_layer = per_slot / 2 / spec.layers.len().max(1) as u64;
    let fit = (KV_BYTES / per_slot)
        .min(context.adapter.binding_bytes / per_layer.max(1))
        .saturating_sub(1);
    let slots = match sizes.slots {
        0 if is_slow => fit.clamp(1, 4),
        0 => fit.clamp(1, 16),
        chosen => u64::from(chosen),
    };
    Options {
        slots: slots as usize,
        context: length,
        // On a processor a long submission looks like a hang.
        chunk: if is_slow { 8 } else { 64 },
        ..Options::default()
    }
}

/// The date that templates may insert; fixed for a day, so that rows of a run agree.
fn today() -> String {
    js_sys::Date::new_0()
        .to_iso_string()
        .as_string()
        .unwrap_or_default()[..10]
        .to_owned()
}

struct Load {
    context: Rc<Context>,
    out: Out,
    reader: GgufReader,
    builder: Option<Builder>,
    hash: Sha256,
    /// Bytes of this file.
    have: u64,
    /// Bytes of the files before it.
    before: u64,
    total: u64,
    told: u64,
    stage: EngineStage,
}

impl Load {
    fn new(context: Rc<Context>, out: Out, name: &str, total: u64) -> Self {
        Self {
            context,
            out,
            reader: GgufReader::new(name, None),
            builder: None,
            hash: Sha256::new(),
            have: 0,
            before: 0,
            total,
            told: 0,
            stage: EngineStage::Connecting,
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
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.out.is_stopped.get() {
            return Err(stopped());
        }
        let cannot = |error: String| failure("This file can't be run here.", error);
        self.hash.update(bytes);
        let (context, builder) = (&self.context, &mut self.builder);
        let mut trouble = None;
        self.reader
            .push(bytes, &mut |rows| {
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
            })
            .map_err(|error| cannot(error.to_string()))?;
        if let Some(error) = trouble {
            return Err(cannot(error.to_string()));
        }
        self.have += bytes.len() as u64;
        if self.have - self.told >= STEP {
            self.tell();
        }
        Ok(())
    }

    /// Reads what is kept and fetches the rest.
    async fn whole(&mut self, model: &mut EngineModel) -> Result<(), Failure> {
        let key = files::key(model);
        let note = files::note(&key).await;
        // Without storage the model runs all the same; it is only fetched again next time.
        let mut file = Open::new(&files::data_name(&key)).await.ok();
        let kept = match (&note, &file) {
            (Some(_), Some(file)) => file.size(),
            _ => 0,
        };
        let is_whole = note.as_ref().is_some_and(|note| note.is_whole) && kept > 0;
        self.hash = Sha256::new();
        self.have = 0;
        let mut note = note.unwrap_or_default();
        if is_whole {
            // What is kept says more than what was asked for.
            *model = note.model.clone();
        }
        if self.before == 0 {
            self.total = model.bytes.unwrap_or(if is_whole { kept } else { 0 });
        }
        if let (Some(file), true) = (&file, kept > 0) {
            self.set_stage(EngineStage::Reading);
            let mut buffer = vec![0; PIECE];
            let mut at = 0;
            while at < kept {
                let read = file
                    .read(at, &mut buffer)
                    .map_err(|error| failure("The kept file could not be read.", error))?;
                if read == 0 {
                    break;
                }
                self.take(&buffer[..read])?;
                at += read as u64;
                breathe().await;
            }
        }
        if !is_whole {
            self.fetch(model, &key, &mut note, &mut file).await?;
        }
        drop(file);
        let sha256 = files::hex(&self.hash.clone().finalize());
        let wrong = match &model.sha256 {
            Some(wanted) => !wanted.eq_ignore_ascii_case(&sha256),
            None => false,
        };
        if wrong || model.bytes.is_some_and(|bytes| bytes != self.have) {
            let _ = opfs::remove(&files::data_name(&key)).await;
            return Err(Failure::new(
                FailureKind::Invalid,
                "The file is damaged: its checksum is not the one it should have.",
            )
            .means("It was deleted; no model runs in this tab.")
            .next("Load it again."));
        }
        model.sha256 = Some(sha256);
        model.bytes = Some(self.have);
        note.model = model.clone();
        note.is_whole = true;
        note.used_ms = js_sys::Date::now();
        let _ = files::write_note(&key, &note).await;
        self.before += self.have;
        Ok(())
    }

    async fn fetch(
        &mut self,
        model: &mut EngineModel,
        key: &str,
        note: &mut Note,
        file: &mut Option<Open>,
    ) -> Result<(), Failure> {
        let offline = |error: String| {
            Failure::new(FailureKind::Network, "The model could not be fetched.")
                .means("What has arrived is kept.")
                .next("Check the connection and load it again: it goes on where it stopped.")
                .detail(error)
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
                    let _ = opfs::remove(&files::data_name(key)).await;
                    return Err(failure(
                        "One of the model's files has changed on the server.",
                        "Load it again.",
                    ));
                }
                self.reader = GgufReader::new(&model.name, None);
                self.builder = None;
                self.hash = Sha256::new();
                self.have = 0;
                *note = Note::default();
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
        if file.is_some() {
            let _ = files::write_note(key, note).await;
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
                    *file = None;
                    let _ = opfs::remove(&files::data_name(key)).await;
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

    fn finish(mut self) -> Result<(Weights, Header), Failure> {
        let cannot = |error: String| failure("This file can't be run here.", error);
        self.reader
            .finish()
            .map_err(|error| cannot(error.to_string()))?;
        let header = self
            .reader
            .header()
            .cloned()
            .ok_or_else(|| cannot("It has no header.".to_owned()))?;
        let builder = self
            .builder
            .ok_or_else(|| cannot("It holds no weights.".to_owned()))?;
        let weights = builder
            .finish(&self.context)
            .map_err(|error| cannot(error.to_string()))?;
        // Memory that ran out is told later than it was asked for.
        if let Some(reason) = self.context.lost() {
            return Err(failure("The model does not fit this device.", reason));
        }
        Ok((weights, header))
    }
}

fn stopped() -> Failure {
    Failure::new(FailureKind::Network, "Loading was stopped.")
        .means("What has arrived is kept.")
        .next("Load it again to go on from there.")
}

/// What `/parity` is asked: the scores of tokens, and the greedy ones that follow.
#[derive(serde::Deserialize)]
struct Parity {
    url: String,
    ids: Vec<u32>,
    #[serde(default)]
    greedy: usize,
    /// Keys and values as halves, as chats have them.
    #[serde(default)]
    half: bool,
}

/// For comparing this browser's device with another implementation: little-endian u32 greedy tokens, then f32 scores
/// `[T, V]`. Nothing is kept.
pub(crate) async fn parity(host: &Rc<Host>, body: &str) -> Result<Vec<u8>, Failure> {
    use seedbed_engine::engine::{Engine, Event, Request, Sampling};
    let cannot = |error: String| failure(&error, "");
    let asked: Parity = serde_json::from_str(body).map_err(|error| cannot(error.to_string()))?;
    let _one = host.loading.lock().await;
    let context = host.context().await.map_err(cannot)?;
    let mut load = Load::new(context.clone(), Out::nobody(), "parity.gguf", 0);
    let scope = super::scope().ok_or_else(|| cannot("this is no worker".to_owned()))?;
    let response: Response = JsFuture::from(scope.fetch_with_str(&asked.url))
        .await
        .and_then(wasm_bindgen::JsCast::dyn_into)
        .map_err(|error| cannot(opfs::words(&error)))?;
    let buffer = response
        .array_buffer()
        .map_err(|error| cannot(opfs::words(&error)))?;
    let buffer = JsFuture::from(buffer)
        .await
        .map_err(|error| cannot(opfs::words(&error)))?;
    let bytes = Uint8Array::new(&buffer);
    let mut at = 0;
    while at < bytes.length() {
        let end = bytes.length().min(at + PIECE as u32);
        load.take(&bytes.subarray(at, end).to_vec())?;
        at = end;
    }
    let (weights, _) = load.finish()?;
    let options = Options {
        context: asked.ids.len() + asked.greedy + 1,
        half_kv: asked.half,
        ..Options::default()
    };
    let words = |error: seedbed_engine::Error| cannot(error.to_string());
    let mut engine = Engine::new(context, Rc::new(weights), options, &[]).map_err(words)?;
    let scores = engine.score(&asked.ids).await.map_err(words)?;
    let mut out = Vec::new();
    if asked.greedy > 0 {
        let request = Request {
            id: 0,
            prompt: asked.ids,
            max_tokens: asked.greedy,
            sampling: Sampling::default(),
            stream: 0,
        };
        engine.submit(request).map_err(words)?;
        while engine.open() > 0 {
            for event in engine.advance().await.map_err(words)? {
                if let Event::Tokens(_, tokens) = event {
                    out.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
                }
            }
        }
    }
    out.extend(scores.iter().flat_map(|score| score.to_le_bytes()));
    Ok(out)
}

/// Lets messages in: a stop among them.
pub(crate) async fn breathe() {
    gloo_timers::future::TimeoutFuture::new(0).await;
}
