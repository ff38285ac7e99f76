// How much memory the engine worker takes while a model file of more than a gigabyte is fetched, kept and loaded, and
// loaded again from storage. Too heavy for CI; 8-engine.test.mjs holds the same property with small files.
//
// By hand, with `dist/` built and 2.5 GB free on the disk:
//   SEEDBED_MODEL=.tools/models/SmolLM2-135M-Instruct.Q4_1.gguf node tests/e2e/large-model.mjs [layers]
//
// The file is made here: SmolLM2's tokenizer, invented weights. 21 layers make 1.06 GB. Prints a JSON line for each load;
// ends with an error if the worker's wasm and JavaScript memory together were ever over 100 MB.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EnginePage } from "./engine.mjs";
import { scratch } from "./harness.mjs";
import { makeModel } from "./made-model.mjs";

const LIMIT = 100e6;
const from = process.env.SEEDBED_MODEL;
if (!from) throw new Error("SEEDBED_MODEL has to name a GGUF file with a tokenizer");
const layers = Number(process.argv[2] ?? 21);
const folder = scratch("large");
const name = "made.gguf";
const made = makeModel(from, join(folder, name), { hidden: 1536, ffn: 8192, layers, heads: 12, kvHeads: 4 });
const engine = await EnginePage.open({ "/models/": folder });

/** What V8 says of the worker: objects, and array buffers, which wasm memory is among. */
async function watchWorker() {
  const session = await engine.page.context().newCDPSession(engine.page);
  const waiting = new Map();
  let last = 0;
  const worker = new Promise((found) => {
    session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
      if (targetInfo.type === "worker") found(sessionId);
    });
  });
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    waiting.get(id)?.(result ?? error);
    waiting.delete(id);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const sessionId = await worker;
  return (method) =>
    new Promise((done) => {
      last += 1;
      waiting.set(last, done);
      session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id: last, method }) });
    });
}

/** Most memory that the processes of a kind ever had, in bytes; 0 where /proc is not. */
async function peak(kind) {
  const session = await engine.browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const all = processInfo.filter(({ type }) => type === kind).map(({ id }) => {
    try {
      return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) * 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...all);
}

const ask = await watchWorker();
const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));
let isOver = false;

async function measured(what) {
  const most = { objects: 0, buffers: 0, together: 0 };
  let isDone = false;
  const watching = (async () => {
    while (!isDone) {
      const { usedSize = 0, backingStorageSize = 0 } = await ask("Runtime.getHeapUsage");
      most.objects = Math.max(most.objects, usedSize);
      most.buffers = Math.max(most.buffers, backingStorageSize);
      most.together = Math.max(most.together, usedSize + backingStorageSize);
      await new Promise((done) => setTimeout(done, 50));
    }
  })();
  const start = performance.now();
  const { state, lines } = await engine.load({ url: `${engine.server.url}/models/${name}`, name, bytes: made.bytes });
  const seconds = (performance.now() - start) / 1000;
  isDone = true;
  await watching;
  const stages = [...new Set(lines.map((line) => line.progress?.stage).filter(Boolean))];
  console.log(
    JSON.stringify({
      what,
      file_mb: megabytes(made.bytes),
      seconds: Number(seconds.toFixed(1)),
      stages,
      wasm_mb: megabytes(state.heap_bytes),
      js_objects_mb: megabytes(most.objects),
      js_buffers_mb: megabytes(most.buffers),
      js_together_mb: megabytes(most.together),
      renderer_rss_mb: megabytes(await peak("renderer")),
      device_mb: megabytes(state.loaded.weight_bytes),
      self_test: state.loaded.self_test,
    }),
  );
  // V8 counts wasm memory among the buffers in some versions; it is not taken off, so the sum is never too low.
  isOver ||= state.heap_bytes + most.together > LIMIT;
}

try {
  await measured("fetched and kept");
  await engine.page.evaluate(() => globalThis.askText("POST", "/unload", ""));
  await measured("from storage");
  const body = { model: name, messages: [{ role: "user", content: "Hi" }], temperature: 0, max_tokens: 2, stream: true };
  const { all, seconds } = await engine.chats(1, body);
  console.log(JSON.stringify({ what: "two tokens", status: all[0].status, reason: all[0].reason, tokens: all[0].usage?.completion_tokens, seconds: Number(seconds.toFixed(1)) }));
} finally {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}
if (isOver) {
  console.error(`more than ${megabytes(LIMIT)} MB`);
  process.exitCode = 1;
}
