//! What is done while the weights are still on their way: the kernels are made, and the device is tested.

use super::{failure, kits};
use futures::channel::oneshot;
use seedbed_core::engine::EngineSizes;
use seedbed_core::messages::Failure;
use seedbed_engine::engine::{Options, warm};
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::weights::Weights;
use seedbed_engine::selftest;
use seedbed_weights::{Header, Spec};
use std::rc::Rc;

/// Memory that is taken to be there for sequences, in bytes: browsers do not tell.
const KV_BYTES: u64 = 256 << 20;

/// What the self-test found: its error, or why the device is refused.
pub(crate) type Tested = Result<f64, Failure>;

/// Begins as soon as a model's header is there; gives nothing if that is not whole. Weights keep coming meanwhile: both take
/// turns on this thread, and the browser compiles on others.
pub(crate) fn begin(
    context: Rc<Context>,
    header: Header,
    sizes: EngineSizes,
) -> oneshot::Receiver<Tested> {
    let (tell, told) = oneshot::channel();
    wasm_bindgen_futures::spawn_local(async move {
        // The first of several files does not tell all; then the test is left to whoever has read the last.
        let Ok(outline) = Weights::outline(&context, &header) else {
            return;
        };
        let mut options = options(&header.spec, &context, sizes);
        options.kit = kits::known(&context, &outline, &options).await;
        // What fails here fails again where it is told.
        let _ = warm(&context, Rc::new(outline), &options);
        // Nobody may wait any more.
        let _ = tell.send(test(&context, &header).await);
    });
    told
}

/// Tests the device with a small model like this one.
pub(crate) async fn test(context: &Rc<Context>, header: &Header) -> Tested {
    selftest::run(context, header).await.map_err(|error| {
        failure(
            "This device computes wrongly, so no model runs on it.",
            error,
        )
    })
}

/// Sizes that fit the device, where the person chose none.
pub(crate) fn options(spec: &Spec, context: &Context, sizes: EngineSizes) -> Options {
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
