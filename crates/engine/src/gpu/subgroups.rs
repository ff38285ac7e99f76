//! Subgroups in the browser. wgpu 30 does not ask a browser for them (its issue 10146), so `GPUAdapter.requestDevice` is
//! wrapped: where an adapter has the feature, it is added to what is asked for.

use std::cell::Cell;

use js_sys::{Array, Function, Object, Proxy, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

thread_local! {
    static WRAPPED: Cell<bool> = const { Cell::new(false) };
    static WANTED: Cell<bool> = const { Cell::new(false) };
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

fn has(set: &JsValue, name: &str) -> bool {
    Reflect::get(set, &"has".into())
        .and_then(JsCast::dyn_into::<Function>)
        .and_then(|has| has.call1(set, &name.into()))
        .is_ok_and(|answer| answer.is_truthy())
}

/// Whether the next device is to have subgroups, if its adapter does.
pub(super) fn want(yes: bool) {
    WANTED.set(yes);
    ASKED.set(false);
    if yes && !WRAPPED.replace(true) {
        // Where there is no WebGPU there is nothing to wrap.
        let _ = wrap();
    }
}

/// Whether the last device was asked for with subgroups.
pub(super) fn asked() -> bool {
    ASKED.get()
}

/// Whether this browser's WGSL has a language feature.
pub(super) fn speaks(feature: &str) -> bool {
    let get = |from: &JsValue, name: &str| Reflect::get(from, &name.into());
    get(&js_sys::global(), "navigator")
        .and_then(|navigator| get(&navigator, "gpu"))
        .and_then(|gpu| get(&gpu, "wgslLanguageFeatures"))
        .is_ok_and(|features| has(&features, feature))
}

fn wrap() -> Result<(), JsValue> {
    let class = Reflect::get(&js_sys::global(), &"GPUAdapter".into())?;
    let prototype = Reflect::get(&class, &"prototype".into())?;
    let original: Function = Reflect::get(&prototype, &"requestDevice".into())?.dyn_into()?;
    let apply = Closure::<dyn Fn(Function, JsValue, Array) -> Result<JsValue, JsValue>>::new(
        |target: Function, adapter: JsValue, arguments: Array| {
            let can = Reflect::get(&adapter, &"features".into())
                .is_ok_and(|features| has(&features, "subgroups"));
            if WANTED.get() && can {
                let descriptor = Some(arguments.get(0))
                    .filter(JsValue::is_object)
                    .unwrap_or_else(|| Object::new().into());
                let mut features = Array::new();
                if let Ok(list) = Reflect::get(&descriptor, &"requiredFeatures".into())
                    && list.is_object()
                {
                    features.extend(Array::from(&list).iter());
                }
                features.push(&"subgroups".into());
                Reflect::set(&descriptor, &"requiredFeatures".into(), &features)?;
                arguments.set(0, descriptor);
                ASKED.set(true);
            }
            Reflect::apply(&target, &adapter, &arguments)
        },
    );
    let handler = Object::new();
    // The wrapper lives as long as the worker.
    Reflect::set(&handler, &"apply".into(), &apply.into_js_value())?;
    Reflect::set(
        &prototype,
        &"requestDevice".into(),
        &Proxy::new(&original, &handler),
    )?;
    Ok(())
}
