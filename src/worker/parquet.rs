//! The other side of `table.rs`: takes buffers of rows, answers each, and gives the file for `"finish"`.

use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use seedbed_core::row::TableRow;
use seedbed_table::TableWriter;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn error(text: &str) -> JsValue {
    let object = Object::new();
    // A fresh plain object takes every property.
    let _ = Reflect::set(&object, &"error".into(), &text.into());
    object.into()
}

fn push(writer: &mut TableWriter, data: JsValue) -> Result<(), String> {
    let buffer: ArrayBuffer = data
        .dyn_into()
        .map_err(|data| format!("no rows came but {data:?}"))?;
    let json = Uint8Array::new(&buffer).to_vec();
    let rows: Vec<TableRow> = serde_json::from_slice(&json).map_err(|why| why.to_string())?;
    writer.push(&rows).map_err(|why| why.to_string())
}

/// Starts to listen.
pub(crate) fn start() {
    console_error_panic_hook::set_once();
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else {
        return;
    };
    let mut writer = Some(TableWriter::new());
    let out = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        let is_last = data.as_string().as_deref() == Some("finish");
        let posted = match (&mut writer, is_last) {
            (None, _) => out.post_message(&error("the table is finished already")),
            (Some(_), true) => match writer.take().map(TableWriter::finish) {
                Some(Ok(bytes)) => {
                    let buffer = Uint8Array::from(bytes.as_slice()).buffer();
                    out.post_message_with_transfer(&buffer, &Array::of1(&buffer))
                }
                Some(Err(why)) => out.post_message(&error(&why.to_string())),
                None => Ok(()),
            },
            (Some(writer), false) => match push(writer, data) {
                Ok(()) => out.post_message(&JsValue::TRUE),
                Err(why) => out.post_message(&error(&why)),
            },
        };
        if let Err(why) = posted {
            web_sys::console::error_1(&why);
        }
    });
    scope.set_onmessage(Some(on_message.into_js_value().unchecked_ref()));
    if let Err(why) = scope.post_message(&"ready".into()) {
        web_sys::console::error_1(&why);
    }
}
