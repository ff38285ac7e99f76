//! The other side of `table.rs`: takes buffers of rows, answers each, and gives the file for `"finish"`.
//!
//! What is written of the file goes to the browser as soon as a row group is whole: here is never more than one of them.

use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use seedbed_core::id::hex;
use seedbed_core::row::TableRow;
use seedbed_table::TableWriter;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

/// First bytes of the file that are told with it: the Hub asks for them (`LargeFile::SAMPLE_BYTES`).
const SAMPLE_BYTES: usize = 512;

fn object(entries: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in entries {
        // A fresh plain object takes every property.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

fn error(text: &str) -> JsValue {
    object(&[("error", text.into())])
}

/// A table on its way out.
struct Output {
    writer: TableWriter,
    /// Pieces of the file, which the browser keeps.
    pieces: Array,
    hash: Sha256,
    sample: Vec<u8>,
}

impl Output {
    fn new() -> Self {
        Self {
            writer: TableWriter::new(),
            pieces: Array::new(),
            hash: Sha256::new(),
            sample: Vec::new(),
        }
    }

    fn push(&mut self, data: JsValue) -> Result<(), String> {
        let buffer: ArrayBuffer = data
            .dyn_into()
            .map_err(|data| format!("no rows came but {data:?}"))?;
        let json = Uint8Array::new(&buffer).to_vec();
        let rows: Vec<TableRow> = serde_json::from_slice(&json).map_err(|why| why.to_string())?;
        drop(json);
        self.writer.push(&rows).map_err(|why| why.to_string())?;
        drop(rows);
        let written = self.writer.take().map_err(|why| why.to_string())?;
        self.keep(&written)
    }

    /// Hands what was written to the browser.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.hash.update(bytes);
        let missing = SAMPLE_BYTES - self.sample.len();
        self.sample.extend(bytes.iter().take(missing));
        let piece = Array::of1(&Uint8Array::from(bytes));
        self.pieces.push(&blob_of(&piece)?);
        Ok(())
    }

    /// The file, with what has to be known of it to send it.
    fn finish(mut self) -> Result<JsValue, String> {
        let rest = std::mem::take(&mut self.writer)
            .finish()
            .map_err(|why| why.to_string())?;
        self.keep(&rest)?;
        Ok(object(&[
            ("file", blob_of(&self.pieces)?),
            ("sha256", hex(&self.hash.finalize()).into()),
            ("sample", Uint8Array::from(self.sample.as_slice()).into()),
        ]))
    }
}

fn blob_of(parts: &Array) -> Result<JsValue, String> {
    Blob::new_with_u8_array_sequence(parts)
        .map(JsValue::from)
        .map_err(|why| format!("the browser did not keep the file: {why:?}"))
}

/// Starts to listen.
pub(crate) fn start() {
    console_error_panic_hook::set_once();
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        return;
    };
    let mut output = Some(Output::new());
    let out = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        let answer = if data.as_string().as_deref() == Some("finish") {
            match output.take() {
                Some(output) => output.finish(),
                None => Err("the table is finished already".to_owned()),
            }
        } else {
            match &mut output {
                Some(output) => output.push(data).map(|()| JsValue::TRUE),
                None => Err("the table is finished already".to_owned()),
            }
        };
        let posted = out.post_message(&answer.unwrap_or_else(|why| error(&why)));
        if let Err(why) = posted {
            web_sys::console::error_1(&why);
        }
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    if let Err(why) = scope.post_message(&"ready".into()) {
        web_sys::console::error_1(&why);
    }
}
