// A project of many long records through Chromium: read from a file, published for the first time, saved, and read back by
// another browser. Prints a JSON line for each step: seconds, and the most memory that the backend worker and the parquet
// worker had; then what was committed.
//
// `cargo xtask large` starts it, with 200,000 records of 5 KB unless told otherwise (15 GB free on the disk). It ends with an
// error if the workers, each or together, were ever over 400 MB, a commit was not of bounded size, or anything is missing.
// 12-large.test.mjs runs a small share of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Hub, Visitor, python, scratch } from "./harness.mjs";
import * as steps from "./steps.mjs";

/** Bytes of memory that the workers may have. */
export const MOST_MEMORY = 400e6;
/** Bytes of a commit's request: 16 MiB of files in base64, and what stands around them. */
export const MOST_COMMIT = ((16 << 20) * 4) / 3 + 100_000;
/** For one step. */
const PATIENCE = Number(process.env.SEEDBED_PATIENCE_MS ?? 3_600_000);
const REPO = "large";

const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));

/** Numbers that look random and are the same each time. */
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A file as Seedbed saves a project: every second record is accepted by `writer`. */
export async function writeProject(path, { records, writer, bytes = 5000 }) {
  const roll = dice(7);
  const letters = "aaabcdeeeefghiijklmnnoooprrssttuuvwyz";
  const word = () => Array.from({ length: 3 + roll(8) }, () => letters[roll(letters.length)]).join("");
  const words = Array.from({ length: 30_000 }, word);
  // Ten words at once: word by word a gigabyte would take minutes.
  const phrases = Array.from({ length: 20_000 }, () => Array.from({ length: 10 }, () => words[roll(words.length)]).join(" "));
  const text = (size) => {
    const chosen = [];
    for (let length = 0; length < size; length += chosen.at(-1).length + 1) chosen.push(phrases[roll(phrases.length)]);
    return chosen.join(" ").slice(0, size).trimEnd();
  };
  const out = createWriteStream(path);
  const put = async (line) => {
    if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, "drain");
  };
  const cell = (n) => ({ topic: `topic ${n % 5}`, perspective: `perspective ${n % 3}` });
  const seed = {
    domain: "farming",
    description: "",
    expert_prompt: "",
    topics: Array.from({ length: 5 }, (_, n) => `topic ${n}`),
    perspectives: Array.from({ length: 3 }, (_, n) => `perspective ${n}`),
    examples: [],
  };
  await put({ seedbed_project: 2, seed });
  const id = (kind, n) => `${kind}${n.toString(16).padStart(31, "0")}`;
  const begun = 1_760_000_000_000;
  const instructions = Math.ceil(records / 10);
  const asked = [];
  for (let n = 0; n < instructions; n += 1) {
    asked.push(text(200));
    const origin = { kind: "typed" };
    const clock = { ms: begun + n, n: 0 };
    const said = { act: "add", cell: cell(n), to: asked[n], state: "kept", origin, seed_hash: "ab", created_ms: clock.ms };
    await put({ instruction: { id: id("a", n), writer, on: id("b", n), clock, ...said } });
  }
  const hashes = [];
  for (let n = 0; n < records; n += 1) {
    const on = n % instructions;
    const fields = { instruction: asked[on], response: text(bytes - 200) };
    if (n % 2 === 0) hashes.push(createHash("sha256").update(JSON.stringify(fields)).digest("hex").slice(0, 32));
    const provenance = { seed_hash: "ab", model: "org/model", provider: "host", prompt_version: "answer/1", sample_index: 0, finish_reason: "stop" };
    await put({ record: { id: id("c", n), fields, prompt_id: id("b", on), cell: cell(n), provenance, created_ms: begun + n } });
  }
  for (const [at, hash] of hashes.entries()) {
    const clock = { ms: begun + records + at, n: 0 };
    const said = { act: "respond", status: "submitted", answers: { quality: "good" } };
    await put({ decision: { id: id("d", at), writer, on: { record: id("c", 2 * at) }, text: hash, clock, ...said } });
  }
  out.end();
  await once(out, "finish");
  return { records, instructions, accepted: hashes.length, bytes: statSync(path).size };
}

/** Lines of a saved project, by what they hold. */
async function linesOf(path) {
  const counts = {};
  for await (const line of createInterface(createReadStream(path))) {
    const kind = line.slice(2, line.indexOf('"', 2));
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** A worker's script begins with this: it tells how large its wasm memory has become, before each of its messages and when asked. */
const telling = (who) => `{
  const channel = new BroadcastChannel("seedbed-large");
  let memory, told = 0;
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const real = WebAssembly[name];
    WebAssembly[name] = async (...rest) => {
      const made = await real.apply(WebAssembly, rest);
      memory = (made.instance ?? made).exports.memory ?? memory;
      return made;
    };
  }
  const tell = () => {
    const bytes = memory?.buffer.byteLength ?? 0;
    if (bytes !== told) channel.postMessage({ who: "${who}", bytes });
    told = bytes;
  };
  channel.onmessage = () => {
    told = 0;
    tell();
  };
  const post = self.postMessage;
  self.postMessage = (...rest) => {
    tell();
    return post.apply(self, rest);
  };
}
`;

/** A target of the browser's tools and the targets that it starts: a page, its worker, and that worker's worker. */
class Target {
  #waiting = new Map();
  #last = 0;
  #send;

  constructor(send, found) {
    this.#send = send;
    this.found = found;
    this.children = new Map();
  }

  ask(method, params = {}) {
    this.#last += 1;
    const id = this.#last;
    return new Promise((done) => {
      this.#waiting.set(id, done);
      this.#send(JSON.stringify({ id, method, params }));
    });
  }

  hear({ id, method, params, result }) {
    if (id !== undefined) {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    } else if (method === "Target.attachedToTarget") {
      const { sessionId, targetInfo } = params;
      const child = new Target((message) => this.ask("Target.sendMessageToTarget", { sessionId, message }), this.found);
      this.children.set(sessionId, child);
      child.watch();
      this.found(targetInfo, child);
    } else if (method === "Target.detachedFromTarget") {
      this.children.get(params.sessionId)?.end();
      this.children.delete(params.sessionId);
    } else if (method === "Target.receivedMessageFromTarget") {
      this.children.get(params.sessionId)?.hear(JSON.parse(params.message));
    }
  }

  watch() {
    return this.ask("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  }

  /** It is gone: nobody waits for its answers any more. */
  end() {
    this.isOver = true;
    for (const done of this.#waiting.values()) done(undefined);
    this.#waiting.clear();
  }
}

/** Processes below the browser of this profile: `{ pid, type }`. */
function processes(profile) {
  const all = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))[1];
      all.push({ pid, parent, command, type: /--type=([\w-]+)/.exec(command)?.[1] ?? "browser" });
    } catch {
      // It has ended meanwhile.
    }
  }
  const ours = new Set(all.filter(({ command }) => command.includes(profile)).map(({ pid }) => pid));
  for (let before = -1; before !== ours.size; ) {
    before = ours.size;
    for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
  }
  return all.filter(({ pid }) => ours.has(pid));
}

/** Watches what a visitor's workers take. */
class Watch {
  static async over(visitor, page) {
    const watch = new Watch();
    watch.profile = visitor.profile;
    watch.wasm = {};
    watch.heaps = {};
    watch.reset();
    await page.exposeFunction("__grown", (who, bytes) => {
      watch.wasm[who] = bytes;
      watch.#note();
    });
    await page.evaluate(() => {
      const channel = new BroadcastChannel("seedbed-large");
      channel.onmessage = ({ data }) => globalThis.__grown(data.who, data.bytes);
      globalThis.__channel = channel;
      channel.postMessage("who is there?");
    });
    const session = await visitor.context.newCDPSession(page);
    const root = new Target((message) => {
      const { id, method, params } = JSON.parse(message);
      session.send(method, params).then((result) => root.hear({ id, result }), () => root.hear({ id }));
    }, (info, target) => watch.#found(info, target));
    for (const method of ["Target.attachedToTarget", "Target.detachedFromTarget", "Target.receivedMessageFromTarget"]) {
      session.on(method, (params) => root.hear({ method, params }));
    }
    await root.watch();
    return watch;
  }

  async #found({ url }, target) {
    const who = /(worker|parquet)_loader/.exec(url)?.[1];
    if (!who) return;
    while (!target.isOver && !this.isOver) {
      const usage = await target.ask("Runtime.getHeapUsage");
      if (usage) this.heaps[who] = { objects: usage.usedSize, buffers: usage.backingStorageSize ?? 0 };
      this.#note();
      await new Promise((done) => setTimeout(done, 50));
    }
    delete this.heaps[who];
    delete this.wasm[who];
  }

  /** Wasm memory, and the objects and buffers of JavaScript. Where V8 counts wasm memory among the buffers, this is too much. */
  #of(who) {
    const { objects = 0, buffers = 0 } = this.heaps[who] ?? {};
    return (this.wasm[who] ?? 0) + objects + buffers;
  }

  #note() {
    const now = { worker: this.#of("worker"), parquet: this.#of("parquet") };
    now.together = now.worker + now.parquet;
    for (const [key, bytes] of Object.entries(now)) this.most[key] = Math.max(this.most[key], bytes);
    for (const who of ["worker", "parquet"]) {
      this.most[`${who}Wasm`] = Math.max(this.most[`${who}Wasm`], this.wasm[who] ?? 0);
      this.most[`${who}Objects`] = Math.max(this.most[`${who}Objects`], this.heaps[who]?.objects ?? 0);
      this.most[`${who}Buffers`] = Math.max(this.most[`${who}Buffers`], this.heaps[who]?.buffers ?? 0);
    }
  }

  /** Begins a step. */
  reset() {
    this.most = { worker: 0, parquet: 0, together: 0 };
    for (const who of ["worker", "parquet"]) for (const what of ["Wasm", "Objects", "Buffers"]) this.most[who + what] = 0;
    for (const { pid } of processes(this.profile)) {
      try {
        writeFileSync(`/proc/${pid}/clear_refs`, "5");
      } catch {
        // Then the figure is of an earlier step.
      }
    }
    this.#note();
  }

  /** The step's figures in MB. */
  figures() {
    const peak = (type) => {
      const all = processes(this.profile).filter((one) => one.type === type);
      const of = ({ pid }) => {
        try {
          return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
        } catch {
          return 0;
        }
      };
      return megabytes(Math.max(0, ...all.map(of)));
    };
    const { most } = this;
    const parts = (who) => ({
      all: megabytes(most[who]),
      wasm: megabytes(most[`${who}Wasm`]),
      js_objects: megabytes(most[`${who}Objects`]),
      js_buffers: megabytes(most[`${who}Buffers`]),
    });
    return {
      backend_mb: parts("worker"),
      parquet_mb: parts("parquet"),
      together_mb: megabytes(most.together),
      renderer_rss_mb: peak("renderer"),
      browser_rss_mb: peak("browser"),
    };
  }
}

/** Lines in all files of the repo below a folder. */
async function linesBelow(hub, tree, folder) {
  let lines = 0;
  for (const { path } of tree.filter(({ path }) => path.startsWith(folder))) {
    const text = await (await hub.api(`/datasets/${hub.user}/${REPO}/resolve/main/${path}`)).text();
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  }
  return lines;
}

const READ_TABLE = (repo, path) => `
import json, huggingface_hub, pyarrow.parquet
file = pyarrow.parquet.ParquetFile(huggingface_hub.hf_hub_download("${repo}", "${path}", repo_type="dataset"))
groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
print(json.dumps({
  "rows": sum(batch.num_rows for batch in file.iter_batches(1000)),
  "row_groups": len(groups),
  "largest_group_mb": max(group.total_byte_size for group in groups) / 1e6,
}))`;

async function treeOf(hub) {
  const all = [];
  let url = `/api/datasets/${hub.user}/${REPO}/tree/main?recursive=true`;
  while (url) {
    const answer = await hub.api(url);
    all.push(...(await answer.json()));
    const next = /<([^>]+)>;\s*rel="next"/.exec(answer.headers.get("link") ?? "")?.[1];
    url = next && new URL(next, hub.url).href.slice(hub.url.length);
  }
  return all.filter(({ type }) => type === "file");
}

/** All of it; `tell` gets the figures of each step. */
export async function run({ records, tell = () => {} }) {
  const folder = scratch("large");
  const hub = await Hub.withWorkers({ worker: telling("worker"), parquet: telling("parquet") });
  const visitors = [];
  const come = async () => {
    const visitor = await Visitor.arrive({ acceptDownloads: true });
    visitors.push(visitor);
    visitor.context.setDefaultTimeout(PATIENCE);
    const page = await visitor.open(hub);
    return { visitor, page, watch: await Watch.over(visitor, page) };
  };
  const figures = [];
  const step = async (what, watch, run) => {
    watch.reset();
    const start = performance.now();
    const told = await run();
    const line = { what, seconds: Number(((performance.now() - start) / 1000).toFixed(1)), ...told, ...watch.figures() };
    figures.push(line);
    tell(line);
  };
  try {
    const { visitor, page, watch } = await come();
    await steps.signInWithToken(page, hub.token);
    const file = join(folder, "project.seedbed.jsonl");
    const made = await writeProject(file, { records, writer: hub.user });
    tell({ what: "made", ...made });
    await step("read from a file", watch, () => steps.importFile(page, file));
    const { total, accepted } = await steps.reviewCounts(page);
    assert.deepEqual({ total, accepted }, { total: records, accepted: made.accepted });

    await step("plan", watch, () => steps.createRepo(page, REPO));
    await step("publish", watch, () => steps.commit(page));
    const committed = (await hub.log(`/api/datasets/${hub.user}/${REPO}/commit/`)).map((entry) => entry.body_bytes);
    const tree = await treeOf(hub);
    const table = tree.find(({ path }) => path.startsWith("data/"));
    const published = {
      what: "published",
      commits: committed.length,
      largest_commit_mb: megabytes(Math.max(...committed)),
      commits_mb: megabytes(committed.reduce((sum, bytes) => sum + bytes, 0)),
      table_mb: megabytes(table?.size ?? 0),
      records: await linesBelow(hub, tree, ".seedbed/records/"),
      decisions: await linesBelow(hub, tree, ".seedbed/decisions/"),
      rows: await linesBelow(hub, tree, ".seedbed/table.jsonl"),
    };
    tell(published);
    const parquet = await python(hub, READ_TABLE(`${hub.user}/${REPO}`, table.path));
    tell({ what: "the table as pyarrow reads it", ...parquet });

    await steps.go(page, "Publish");
    let saved;
    await step("save as a file", watch, async () => {
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save Whole project", exact: true }).click();
      saved = await (await download).path();
      return { file_mb: megabytes(statSync(saved).size) };
    });
    const lines = await linesOf(saved);
    steps.assertCalm(visitor);

    const other = await come();
    await step("read back by another browser", other.watch, () => steps.importFile(other.page, saved));
    const back = await steps.reviewCounts(other.page);
    steps.assertCalm(other.visitor);
    return { made, figures, committed, table, published, parquet, lines, back };
  } catch (error) {
    for (const { context, problems, console } of visitors) {
      const says = await Promise.all(context.pages().map((page) => page.evaluate(() => document.body.innerText)));
      tell({ what: "broken off", says, problems, console: console.slice(-20) });
    }
    throw error;
  } finally {
    for (const visitor of visitors) await visitor.leave();
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asserts what holds for any number of records. */
export function check({ made, committed, table, published, parquet, lines, back }) {
  const { records, accepted, instructions } = made;
  assert.ok(Math.max(...committed) <= MOST_COMMIT, `a commit of ${Math.max(...committed)} bytes`);
  assert.deepEqual([published.records, published.decisions, published.rows], [records, accepted, accepted]);
  assert.ok(table.lfs, "the table is a large file");
  assert.equal(parquet.rows, accepted);
  assert.deepEqual([lines.record, lines.decision, lines.instruction], [records, accepted, instructions]);
  assert.deepEqual([back.total, back.accepted], [records, accepted]);
}

if (process.argv[1] === import.meta.filename) {
  const records = Number(process.env.SEEDBED_LARGE_RECORDS ?? 200_000);
  const result = await run({ records, tell: (line) => console.log(JSON.stringify(line)) });
  check(result);
  for (const { what, backend_mb: backend, parquet_mb: parquet, together_mb: together } of result.figures) {
    for (const [who, most] of [["the backend worker", backend.all], ["the parquet worker", parquet.all], ["both together", together]]) {
      if (most * 1e6 >= MOST_MEMORY) {
        console.error(`${what}: ${who} had ${most} MB, more than ${megabytes(MOST_MEMORY)}`);
        process.exitCode = 1;
      }
    }
  }
}
