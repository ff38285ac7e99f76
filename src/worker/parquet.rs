//! The other side of `table.rs`: takes lists of rows, answers each, and gives the file for `"finish"`.

use js_sys::{Array, Object, Reflect, Uint8Array};
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
        let posted = if data.as_string().as_deref() == Some("finish") {
            match writer.take().map(TableWriter::finish) {
                Some(Ok(bytes)) => {
                    let buffer = Uint8Array::from(bytes.as_slice()).buffer();
                    out.post_message_with_transfer(&buffer, &Array::of1(&buffer))
                }
                Some(Err(why)) => out.post_message(&error(&why.to_string())),
                None => out.post_message(&error("the table is finished already")),
            }
        } else {
            let pushed = serde_wasm_bindgen::from_value::<Vec<TableRow>>(data)
                .map_err(|why| why.to_string())
                .and_then(|rows| match &mut writer {
                    Some(writer) => writer.push(&rows).map_err(|why| why.to_string()),
                    None => Err("the table is finished already".to_owned()),
                });
            match pushed {
                Ok(()) => out.post_message(&JsValue::TRUE),
                Err(why) => out.post_message(&error(&why)),
            }
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
