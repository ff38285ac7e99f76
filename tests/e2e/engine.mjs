// The engine worker by itself, on a page of its own: what the journey and the benchmark need of it.

import { SITE } from "./harness.mjs";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

/** Chromium gives WebGPU on a processor only when asked; its own fallback is switched off in headless builds. */
export const WEBGPU = ["--no-sandbox", "--enable-unsafe-webgpu", "--disable-dev-shm-usage", "--no-first-run"];

const KINDS = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

/** Serves folders with ranges: `{ "/prefix/": folder }`. */
export async function serve(folders) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url.split("?")[0]);
    if (path === "/") {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>Engine</title>");
      return;
    }
    const prefix = Object.keys(folders).find((prefix) => path.startsWith(prefix));
    const file = prefix && join(folders[prefix], path.slice(prefix.length));
    if (!file || path.includes("..") || !existsSync(file)) {
      response.statusCode = 404;
      response.end();
      return;
    }
    const { size } = statSync(file);
    response.setHeader("content-type", KINDS[extname(file)] ?? "application/octet-stream");
    response.setHeader("etag", `"${size}"`);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const start = range ? Number(range[1]) : 0;
    const end = range && range[2] ? Number(range[2]) : size - 1;
    if (range) {
      response.statusCode = 206;
      response.setHeader("content-range", `bytes ${start}-${end}/${size}`);
    }
    response.setHeader("content-length", end - start + 1);
    createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A page with the engine worker of the built site, and `ask`. */
export class EnginePage {
  static async open(folders = {}, { args = [] } = {}) {
    const one = new EnginePage();
    one.server = await serve({ ...folders, "/": SITE });
    one.browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: [...WEBGPU, ...args] });
    one.page = await one.browser.newPage();
    one.errors = [];
    one.page.on("pageerror", (error) => one.errors.push(String(error)));
    await one.page.goto(one.server.url);
    await one.page.evaluate(() => {
      const open = new Map();
      let last = 0;
      let listens;
      const ready = new Promise((done) => (listens = done));
      const worker = new Worker("engine_loader.js", { type: "module" });
      worker.onmessage = ({ data }) => {
        if (data.ready) return listens();
        const one = open.get(data.id);
        if (!one) return undefined;
        if (data.status) one.status = data.status;
        else if (data.bytes) one.take(data.bytes);
        else one.end();
        return undefined;
      };
      globalThis.ask = async (method, path, body, onText = () => {}, stopWhen = () => false) => {
        await ready;
        last += 1;
        const id = last;
        const text = new TextDecoder();
        const pieces = [];
        return new Promise((done) => {
          const end = () => {
            open.delete(id);
            done({ status: one.status, pieces });
          };
          const one = {
            end,
            take(bytes) {
              pieces.push(bytes);
              const said = text.decode(bytes, { stream: true });
              onText(said);
              if (stopWhen(said)) {
                worker.postMessage({ id, stop: true });
                end();
              }
            },
          };
          open.set(id, one);
          worker.postMessage({ id, method, path, body });
        });
      };
      globalThis.askText = async (method, path, body, stopWhen) => {
        let text = "";
        const { status } = await globalThis.ask(method, path, body, (more) => (text += more), stopWhen);
        return { status, text };
      };
    });
    return one;
  }

  state() {
    return this.page.evaluate(async () => JSON.parse((await globalThis.askText("GET", "/state", "")).text).state);
  }

  /** Loads a model; the last line's state, or throws the failure. */
  async load(model, sizes = { context: 512, slots: 0 }, stopAfter = undefined) {
    const text = await this.page.evaluate(
      async ([order, stopAfter]) => {
        const stop = (said) => stopAfter !== null && /"downloading"/.test(said) && Number(/"done":(\d+)/.exec(said)?.[1] ?? 0) > stopAfter;
        return (await globalThis.askText("POST", "/load", order, stop)).text;
      },
      [JSON.stringify({ model, sizes }), stopAfter ?? null],
    );
    const lines = text.trim().split("\n").map((line) => JSON.parse(line));
    const end = lines.at(-1);
    if (end.failed) throw Object.assign(new Error(end.failed.what), { failure: end.failed });
    return { state: end.state, lines };
  }

  /** Whether the browser's adapter has an optional feature of WebGPU. */
  hasFeature(name) {
    return this.page.evaluate(async (name) => (await navigator.gpu.requestAdapter()).features.has(name), name);
  }

  /** Scores `[T, V]` and greedy tokens of a checkpoint; one in safetensors needs the address of its `config`. `more` chooses kernels. */
  async parity(url, ids, greedy, half = false, config = undefined, more = {}) {
    const { status, bytes } = await this.page.evaluate(async (body) => {
      const { status, pieces } = await globalThis.ask("POST", "/parity", body);
      return { status, bytes: Array.from(new Uint8Array(await new Blob(pieces).arrayBuffer())) };
    }, JSON.stringify({ url, config, ids, greedy, half, ...more }));
    if (status !== 200) throw new Error(Buffer.from(bytes).toString());
    const buffer = new Uint8Array(bytes).buffer;
    return { greedy: [...new Uint32Array(buffer, 0, greedy)], scores: new Float32Array(buffer, 4 * greedy) };
  }

  /** `count` chats at once; their texts, and the seconds to the first text and to the end. */
  chats(count, body) {
    return this.page.evaluate(
      async ([count, body]) => {
        const start = performance.now();
        let first;
        const all = await Promise.all(
          Array.from({ length: count }, async (_, n) => {
            const mine = { ...body, seed: (body.seed ?? 0) + n };
            let text = "";
            const { status } = await globalThis.ask("POST", "/v1/chat/completions", JSON.stringify(mine), (more) => {
              first ??= (performance.now() - start) / 1000;
              text += more;
            });
            const events = text
              .split("\n\n")
              .filter((line) => line.startsWith("data: {"))
              .map((line) => JSON.parse(line.slice(6)));
            return {
              status,
              raw: text.slice(0, 300),
              text: events.map((event) => event.choices?.[0]?.delta?.content ?? "").join(""),
              reason: events.map((event) => event.choices?.[0]?.finish_reason).find(Boolean),
              usage: events.map((event) => event.usage).find(Boolean),
              fingerprint: events[0]?.system_fingerprint,
            };
          }),
        );
        return { all, first, seconds: (performance.now() - start) / 1000 };
      },
      [count, body],
    );
  }

  /** Names and sizes of model files and their notes in the engine's storage. */
  keptFiles() {
    return this.page.evaluate(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("engine", { create: true });
      const files = [];
      for await (const [name, handle] of folder.entries()) {
        if (/\.(gguf|json)$/.test(name)) files.push([name, (await handle.getFile()).size]);
      }
      return files.sort(([one], [other]) => (one < other ? -1 : 1));
    });
  }

  /** Cuts files of at least `least` bytes to what `size(name, size)` says, or removes them where that is null. */
  async cutKept(least, size) {
    const wanted = (await this.keptFiles())
      .filter(([name, bytes]) => name.endsWith(".gguf") && bytes >= least)
      .map(([name, bytes]) => [name, size(name, bytes)]);
    await this.page.evaluate(async (wanted) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("engine");
      for (const [name, size] of wanted) {
        if (size === null) {
          await folder.removeEntry(name);
          continue;
        }
        const file = await (await folder.getFileHandle(name)).createWritable({ keepExistingData: true });
        await file.truncate(size);
        await file.close();
      }
    }, wanted);
  }

  /** Lets this origin store only so many bytes more; without a number, as many as the browser likes. */
  async setRoom(more) {
    const session = await this.page.context().newCDPSession(this.page);
    const origin = this.server.url;
    const { usage } = await session.send("Storage.getUsageAndQuota", { origin });
    await session.send("Storage.overrideQuotaForOrigin", { origin, ...(more === undefined ? {} : { quotaSize: usage + more }) });
  }

  async close() {
    await this.browser.close();
    this.server.close();
  }
}
