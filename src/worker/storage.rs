//! What the browser says of the storage.

use js_sys::Reflect;
use seedbed_core::messages::Storage;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::StorageManager;

fn manager() -> Option<StorageManager> {
    let navigator = super::scope()?.navigator();
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    (!storage.is_undefined()).then(|| navigator.storage())
}

fn number(value: &JsValue, key: &str) -> Option<u64> {
    Some(Reflect::get(value, &key.into()).ok()?.as_f64()? as u64)
}

/// Fills in what the browser knows; `reason` is why there are no files, if there are none.
pub(crate) async fn look(reason: Option<String>, asks_to_persist: bool) -> Storage {
    let mut storage = Storage {
        is_durable: reason.is_none(),
        reason,
        ..Storage::default()
    };
    let Some(manager) = manager() else {
        return storage;
    };
    // Only a page may ask in most browsers, and ours does before it asks us; a worker can always look.
    let can_ask = Reflect::has(&manager, &"persist".into()).unwrap_or(false);
    let asked = if asks_to_persist && can_ask {
        manager.persist()
    } else {
        manager.persisted()
    };
    if let Ok(promise) = asked {
        storage.is_persisted = JsFuture::from(promise)
            .await
            .is_ok_and(|answer| answer.is_truthy());
    }
    if let Ok(promise) = manager.estimate()
        && let Ok(estimate) = JsFuture::from(promise).await
    {
        storage.used_bytes = number(&estimate, "usage");
        storage.quota_bytes = number(&estimate, "quota");
    }
    storage
}
