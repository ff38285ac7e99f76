//! `/parity`: scores and greedy tokens of a checkpoint, for comparing this browser's device with another implementation.

use super::load::{Load, PIECE};
use super::{Host, Out, failure, opfs};
use js_sys::Uint8Array;
use seedbed_core::messages::Failure;
use seedbed_engine::engine::{Engine, Event, Options, Request, Sampling};
use seedbed_engine::gpu::kit::Kit;
use seedbed_weights::SafetensorsReader;
use std::rc::Rc;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// What `/parity` is asked: the scores of tokens, and the greedy ones that follow.
#[derive(serde::Deserialize)]
struct Parity {
    url: String,
    /// Where its config.json is, if the file is in safetensors.
    #[serde(default)]
    config: Option<String>,
    ids: Vec<u32>,
    #[serde(default)]
    greedy: usize,
    /// Keys and values as halves, as chats have them.
    #[serde(default)]
    half: bool,
    /// Without barriers or with them; as fits the adapter without.
    #[serde(default)]
    lanes: Option<bool>,
    /// Keys from which on attention is split.
    #[serde(default)]
    long: Option<usize>,
    /// Variants of the kernels, in [`Kit::text`]'s form; the base set without.
    #[serde(default)]
    kit: Option<String>,
}

/// For comparing this browser's device with another implementation: little-endian u32 greedy tokens, then f32 scores
/// `[T, V]`. Nothing is kept.
pub(crate) async fn parity(host: &Rc<Host>, body: &str) -> Result<Vec<u8>, Failure> {
    let cannot = |error: String| failure(&error, "");
    let asked: Parity = serde_json::from_str(body).map_err(|error| cannot(error.to_string()))?;
    let _one = host.loading.lock().await;
    let context = host.context().await.map_err(cannot)?;
    let kit = match &asked.kit {
        Some(text) => Some(
            Kit::parse(text, &context.adapter.features)
                .ok_or_else(|| cannot(format!("This device can't run the kernels {text}.")))?,
        ),
        None => None,
    };
    let mut load = Load::new(context.clone(), Out::nobody(), "parity.gguf", 0, None);
    if let Some(config) = &asked.config {
        let config =
            String::from_utf8_lossy(&fetched(config).await.map_err(cannot)?.to_vec()).into_owned();
        let reader = SafetensorsReader::new("parity.safetensors", &config, None)
            .map_err(|error| cannot(error.to_string()))?;
        load.read_safetensors(reader);
    }
    let bytes = fetched(&asked.url).await.map_err(cannot)?;
    let mut at = 0;
    while at < bytes.length() {
        let end = bytes.length().min(at + PIECE as u32);
        load.take(&bytes.subarray(at, end).to_vec())?;
        at = end;
    }
    let (weights, _, _) = load.finish()?;
    let options = Options {
        context: asked.ids.len() + asked.greedy + 1,
        half_kv: asked.half,
        kit,
        lanes: asked.lanes,
        long: asked.long.unwrap_or(Options::default().long),
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

/// All bytes at an address, for comparing; models are streamed.
async fn fetched(url: &str) -> Result<Uint8Array, String> {
    let words = |error: wasm_bindgen::JsValue| opfs::words(&error);
    let scope = super::scope().ok_or("this is no worker")?;
    let response: Response = JsFuture::from(scope.fetch_with_str(url))
        .await
        .and_then(wasm_bindgen::JsCast::dyn_into)
        .map_err(words)?;
    let buffer = JsFuture::from(response.array_buffer().map_err(words)?)
        .await
        .map_err(words)?;
    Ok(Uint8Array::new(&buffer))
}
