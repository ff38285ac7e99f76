// How quick the engine is in headless Chromium, whose WebGPU computes on the processor, and how quick its peers are in
// the same run. Printed, and written as JSON; nothing is asserted.
//
// Peers are fetched by hand, because nothing of the project needs them:
//   npm install --ignore-scripts --prefix FOLDER @wllama/wllama@3.8.1
//   SEEDBED_PEERS=FOLDER/node_modules cargo xtask bench engine

import { EnginePage } from "./engine.mjs";
import { ROOT } from "./harness.mjs";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, dirname, join } from "node:path";

const MODEL = process.env.SEEDBED_MODEL;
const PEERS = process.env.SEEDBED_PEERS;
const OUT = process.env.SEEDBED_BENCH_OUT || join(ROOT, "target/bench-engine-browser.json");
const IS_QUICK = process.env.SEEDBED_BENCH_QUICK === "1";
if (!MODEL) throw new Error("SEEDBED_MODEL names no model file");

const figures = [];
function note(name, value, more = {}) {
  figures.push({ name, value, ...more });
  console.log(`  ${name}: ${Number(value.toPrecision(3))}`);
}

const engine = await EnginePage.open({ "/models/": dirname(MODEL), ...(PEERS ? { "/peers/": PEERS } : {}) });
const version = engine.browser.version();
const model = { url: `${engine.server.url}/models/${basename(MODEL)}`, name: basename(MODEL), bytes: 98_362_432 };
const sea = { role: "user", content: "Write one sentence about the sea." };
const body = (messages, tokens) => ({ model: basename(MODEL), temperature: 0, max_tokens: tokens, stream: true, messages });
const seconds = async (work) => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

console.log("\nthe engine in the browser");
const { adapter } = await engine.state();
note("load from the network, with self-test and compiling (MB/s)", 98.36 / (await seconds(() => engine.load(model))));
note("load from the browser's storage (MB/s)", 98.36 / (await seconds(() => engine.load(model))));
note("memory of the engine's worker, at most (MB)", (await engine.state()).heap_bytes / 1e6);
let single = 0;
for (const slots of IS_QUICK ? [1] : [1, 4, 16]) {
  await engine.load(model, { context: 256, slots });
  await engine.chats(1, body([sea], 2));
  const { all, first, seconds: took } = await engine.chats(slots, body([sea], 24));
  const tokens = all.reduce((sum, one) => sum + one.usage.completion_tokens, 0);
  const rate = (tokens - slots) / (took - first);
  if (slots === 1) {
    single = rate;
    note("time to first text, 37 tokens of prompt (s)", first);
  }
  note(`tokens per second, ${slots} at once`, rate, { ratio: rate / single, of: "one at a time" });
}
const long = { role: "user", content: "The tide comes in and goes out again, twice a day. ".repeat(14) };
await engine.load(model, { context: 512, slots: 1 });
const { all, first } = await engine.chats(1, body([long], 2));
note(`prefill of ${all[0].usage.prompt_tokens} tokens (tokens per second)`, all[0].usage.prompt_tokens / first);

console.log("\npeers, same browser and run");
if (PEERS && existsSync(join(PEERS, "@wllama/wllama"))) {
  try {
    const page = await engine.browser.newPage();
    await page.goto(engine.server.url);
    const found = await page.evaluate(
      async ([url, messages]) => {
        const { Wllama, LoggerWithoutDebug } = await import("/peers/@wllama/wllama/esm/index.js");
        const wllama = new Wllama({ default: "/peers/@wllama/wllama/esm/wasm/wllama.wasm" }, { logger: LoggerWithoutDebug });
        const file = await (await fetch(url)).blob();
        await wllama.loadModel([file], { n_ctx: 512, n_threads: 1, n_gpu_layers: 0 });
        const start = performance.now();
        let count = 0;
        let first = 0;
        const stream = await wllama.createChatCompletion({ messages, max_tokens: 24, temperature: 0, stream: true });
        for await (const _ of stream) {
          if (!first) first = performance.now();
          count += 1;
        }
        return { rate: (count - 1) / ((performance.now() - first) / 1000), first: (first - start) / 1000 };
      },
      [model.url, [sea]],
    );
    note("wllama 3.8.1, one thread, no GPU: tokens per second", found.rate, { ratio: single / found.rate, of: "ours ÷ it" });
    await page.close();
  } catch (error) {
    console.log(`  wllama was not started: ${String(error).split("\n")[0]}`);
  }
} else {
  console.log("  none: SEEDBED_PEERS names no folder with them");
}
await engine.close();

mkdirSync(dirname(OUT), { recursive: true });
const machine = `${cpus().length} × ${cpus()[0]?.model}`;
writeFileSync(OUT, `${JSON.stringify({ machine, browser: version, adapter, date: new Date().toISOString(), figures }, null, 2)}\n`);
console.log(`\nwritten to ${OUT}`);
process.exit(0);
