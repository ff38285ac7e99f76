// How quick the engine is in headless Chromium, whose WebGPU computes on the processor, and how quick its peers are in
// the same run. Printed, and written as JSON; nothing is asserted.
//
// The figures are those of the app's own page, “Measure this device”, with a model that it loads over HTTP. Then the
// engine's worker and its peers get the same question, one after another, in one browser.
//
// Peers are fetched by hand, because nothing of the project needs them:
//   npm install --ignore-scripts --prefix FOLDER @wllama/wllama@3.8.1 @huggingface/transformers@4.3.1
//   SEEDBED_PEERS=FOLDER/node_modules SEEDBED_PEER_ONNX=MODEL cargo xtask bench engine
// MODEL is for transformers.js: the same model as an ONNX graph, in a folder as transformers.js reads it (config.json,
// generation_config.json, tokenizer.json, tokenizer_config.json with the chat template, onnx/model_q4.onnx), its products
// MatMulNBits with 4 bits in groups of 32. Exporters make it, such as onnxruntime-genai's model builder
// (`-p int4 -e webgpu`, `int4_block_size=32`) from a checkpoint in Hugging Face's layout. The peer is to be at its best: on a
// processor the attribute accuracy_level 0 is twice as quick as 4.

import { has, transformers, wllama } from "./bench-peers.mjs";
import { EnginePage } from "./engine.mjs";
import { Hub, ROOT, Visitor, WEBGPU } from "./harness.mjs";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, dirname, join } from "node:path";

const MODEL = process.env.SEEDBED_MODEL;
const PEERS = process.env.SEEDBED_PEERS;
const ONNX = process.env.SEEDBED_PEER_ONNX;
const OUT = process.env.SEEDBED_BENCH_OUT || join(ROOT, "target/bench-engine-browser.json");
const IS_QUICK = process.env.SEEDBED_BENCH_QUICK === "1";
if (!MODEL) throw new Error("SEEDBED_MODEL names no model file");

const name = basename(MODEL);
const bytes = statSync(MODEL).size;
const short = (number) => Number(number.toPrecision(3));

/** The app's page: loads the model, measures, and gives what it would put on the clipboard. */
async function onThePage() {
  console.log("\nthe app's page");
  const hub = await Hub.start("--scripted-model", "--model-file", MODEL);
  const visitor = await Visitor.arrive({}, [WEBGPU]);
  try {
    const page = await visitor.open(hub, "#/measure");
    // Software takes as long as it takes.
    page.setDefaultTimeout(600_000);
    await page.getByRole("button", { name: /^Download .* and load/ }).first().click();
    await page.getByRole("button", { name: "Measure", exact: true }).click();
    const text = page.locator("#measure-json");
    await text.or(page.getByRole("alert")).first().waitFor({ state: "attached" });
    if (!(await text.count())) throw new Error(await page.getByRole("alert").first().innerText());
    const said = JSON.parse(await text.textContent());
    for (const { name, at_once: count, value, unit } of said.figures) {
      console.log(`  ${name}${count ? `, ${count} at once` : ""}: ${short(value)} ${unit}`);
    }
    for (const problem of visitor.problems) console.log(`  ! ${problem}`);
    return { ...said, problems: visitor.problems };
  } finally {
    await visitor.leave();
    await hub.stop();
  }
}

const page = await onThePage();

const figures = [];
function note(name, value, unit, more = {}) {
  figures.push({ name, value, unit, ...more });
  const ratio = more.ratio === undefined ? "" : ` (${more.of}: ${short(more.ratio)})`;
  console.log(`  ${name}: ${short(value)} ${unit}${ratio}`);
}

console.log("\nthe engine's worker, a question of 37 tokens");
const folders = { "/models/": dirname(MODEL), ...(PEERS ? { "/peers/": PEERS } : {}), ...(ONNX ? { "/onnx/": ONNX } : {}) };
const engine = await EnginePage.open(folders);
const version = engine.browser.version();
const model = { url: `${engine.server.url}/models/${name}`, name, bytes };
const messages = [{ role: "user", content: "Write one sentence about the sea." }];
const loading = async () => {
  const start = performance.now();
  await engine.load(model, { context: 512, slots: 1 });
  return bytes / 1e3 / (performance.now() - start);
};
note("load from the network, with self-test and compiling", await loading(), "MB/s");
note("load from the browser's storage", await loading(), "MB/s");
const body = { model: name, temperature: 0, max_tokens: 24, stream: true, messages };
await engine.chats(1, { ...body, max_tokens: 2 });
const { all, first, seconds } = await engine.chats(1, body);
const single = (all[0].usage.completion_tokens - 1) / (seconds - first);
note("time to first text", first, "s");
note("one answer", single, "tokens/s");
const { heap_bytes: heap, adapter } = await engine.state();
note("memory of the engine's worker, at most", heap / 1e6, "MB");
// Peers have the device to themselves.
await engine.page.evaluate(() => globalThis.askText("POST", "/unload", ""));

console.log("\npeers, same browser and run");
async function peer(name, isThere, ask) {
  if (!isThere) {
    console.log(`  ${name}: not here`);
    return;
  }
  try {
    const { rate, first, text } = await ask();
    note(`${name}, one answer`, rate, "tokens/s", { ratio: single / rate, of: "ours ÷ it", text });
    note(`${name}, time to first text`, first, "s");
  } catch (error) {
    console.log(`  ${name} did not run: ${String(error).split("\n")[0]}`);
  }
}
await peer("wllama (processor, one thread, no GPU)", has(PEERS, "@wllama/wllama"), () =>
  wllama(engine, { url: model.url, messages, tokens: 24 }),
);
await peer(
  "transformers.js (WebGPU, q4)",
  has(PEERS, "@huggingface/transformers") && ONNX && existsSync(join(ONNX, "onnx/model_q4.onnx")),
  () => transformers(engine, { folder: "onnx", messages, tokens: IS_QUICK ? 2 : 6 }),
);
await engine.close();

mkdirSync(dirname(OUT), { recursive: true });
const machine = `${cpus().length} × ${cpus()[0]?.model}`;
const found = { machine, browser: version, adapter, date: new Date().toISOString(), page, figures };
writeFileSync(OUT, `${JSON.stringify(found, null, 2)}\n`);
console.log(`\nwritten to ${OUT}`);
process.exit(0);
