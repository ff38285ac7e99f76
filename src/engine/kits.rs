//! Which variants of the kernels this device is quickest with, measured once for a kind of model and kept.

use super::opfs;
use seedbed_engine::engine::Options;
use seedbed_engine::gpu::context::Context;
use seedbed_engine::gpu::kit::Kit;
use seedbed_engine::gpu::weights::Weights;
use seedbed_engine::tune;
use std::rc::Rc;

/// The file they are kept in: a line each, the key and the kit's text with a tab between.
const FILE: &str = "kernels.txt";
/// Lines kept; the oldest go first.
const KEPT: usize = 64;

/// The kit that was kept for a model on this device.
pub(crate) async fn known(context: &Context, weights: &Weights, options: &Options) -> Option<Kit> {
    let key = tune::key(context, weights, options);
    line_of(&opfs::read(FILE).await.ok()?, &key, context)
}

fn line_of(kept: &str, key: &str, context: &Context) -> Option<Kit> {
    kept.lines()
        .rev()
        .filter_map(|line| line.split_once('\t'))
        .find(|(name, _)| *name == key)
        .and_then(|(_, text)| Kit::parse(text, &context.adapter.features))
}

/// The kit for a model on this device; measured if it is not known yet. `None` where measuring failed: the base set then
/// runs, and says itself what is wrong.
pub(crate) async fn find(
    context: &Rc<Context>,
    weights: &Rc<Weights>,
    options: &Options,
) -> Option<Kit> {
    let key = tune::key(context, weights, options);
    let kept = opfs::read(FILE).await.unwrap_or_default();
    if let Some(known) = line_of(&kept, &key, context) {
        return Some(known);
    }
    let (kit, _) = tune::tune(context, weights, options).await.ok()?;
    let mut lines: Vec<&str> = kept.lines().collect();
    let line = format!("{key}\t{}", kit.text());
    lines.push(&line);
    let text = lines[lines.len().saturating_sub(KEPT)..].join("\n");
    // Without storage it is measured again next time.
    let _ = opfs::write(FILE, &text).await;
    Some(kit)
}
