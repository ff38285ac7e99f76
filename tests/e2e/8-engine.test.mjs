// A language model in the tab: the reference's numbers in a real browser, loading and going on after a break, and rows
// made by it, offline.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { makeCheckpoint } from "./checkpoint.mjs";
import { EnginePage } from "./engine.mjs";
import { ROOT, scratch } from "./harness.mjs";
import { makeModel } from "./made-model.mjs";
import { MODEL, needModel, skipWithoutModel } from "./missing.mjs";

const FIXTURES = join(ROOT, "tests/fixtures/engine");

const json = (path) => JSON.parse(readFileSync(path, "utf8"));

function nmse(is, should) {
  let error = 0;
  let all = 0;
  for (let i = 0; i < should.length; i += 1) {
    error += (is[i] - should[i]) ** 2;
    all += should[i] ** 2;
  }
  return error / all;
}

describe("the engine in a browser", () => {
  let engine;
  const made = scratch("made");
  before(async () => {
    engine = await EnginePage.open({ "/fixtures/": FIXTURES, "/made/": made, ...(MODEL ? { "/models/": dirname(MODEL) } : {}) });
  });
  after(async () => {
    await engine?.close();
    rmSync(made, { recursive: true, force: true });
  });

  it("scores every tiny checkpoint as the reference does, and continues it alike", async () => {
    let count = 0;
    for (const family of readdirSync(FIXTURES)) {
      const folder = join(FIXTURES, family);
      const files = family.endsWith(".json") || family === "README.md" ? [] : readdirSync(folder);
      for (const file of files.filter((name) => /\.(gguf|safetensors)$/.test(name))) {
        const kind = /^model-(.*)\.gguf$/.exec(file)?.[1];
        const reference = join(folder, kind ? `ref-${kind}` : "ref");
        const greedy = json(join(reference, "greedy.json"));
        const bytes = new Uint8Array(readFileSync(join(reference, "logits.f32")));
        const url = `${engine.server.url}/fixtures/${family}/${file}`;
        const config = file.endsWith(".gguf") ? undefined : `${engine.server.url}/fixtures/${family}/config.json`;
        const found = await engine.parity(url, json(join(reference, "ids.json")), greedy.length, false, config);
        const error = nmse(found.scores, new Float32Array(bytes.buffer));
        assert.ok(error <= 1e-6, `${family}/${file}: ${error}`);
        assert.deepEqual(found.greedy, greedy, `${family}/${file}`);
        count += 1;
      }
    }
    assert.equal(count, 27);
  });

  // What a graphics card would run, and what is measured at the first use: browsers compile it with their own compiler.
  const KITS = {
    "workgroups": { kit: "split1 split2 split4 tile16 tile16 tile32", lanes: false, long: 4 },
    "workgroups and packed bytes": { kit: "split1p split2p split4p split4p tile16 tile32", lanes: false },
    "subgroups": { kit: "sub1 sub2 sub4 sub8 sub8 tile16", lanes: false },
    "subgroups and packed bytes": { kit: "sub1p sub2p sub4p sub8p sub8p tile16", lanes: false },
    "threads by themselves, packed bytes, and split attention": { kit: "lane1p lane2p lane4p lane4p lane4p lane4p", lanes: true, long: 4 },
    "halves": { kit: "split1 split2 split4 tile16h tile16h tile32h", lanes: false, isOptional: true },
  };
  for (const [name, { isOptional = false, ...kernels }] of Object.entries(KITS)) {
    it(`computes with ${name} what the reference does`, async (test) => {
      for (const [folder, file, ref] of [["llama", "model-Q8_0.gguf", "ref-Q8_0"], ["qwen3", "model-Q4_1.gguf", "ref-Q4_1"], ["gemma3", "model.safetensors", "ref"]]) {
        const reference = join(FIXTURES, folder, ref);
        const ids = json(join(reference, "ids.json"));
        const greedy = json(join(reference, "greedy.json"));
        const bytes = new Uint8Array(readFileSync(join(reference, "logits.f32")));
        const at = `${engine.server.url}/fixtures/${folder}`;
        const config = file.endsWith(".gguf") ? undefined : `${at}/config.json`;
        let found;
        try {
          found = await engine.parity(`${at}/${file}`, ids, greedy.length, false, config, kernels);
        } catch (error) {
          if (!isOptional || !/can't run the kernels/.test(error.message)) throw error;
          // Software has no halves to compute with; a device that has them may not say this.
          assert.equal(await engine.hasFeature("shader-f16"), false, error.message);
          return test.skip("NOT TESTED: THIS BROWSER'S DEVICE HAS NO shader-f16");
        }
        const error = nmse(found.scores, new Float32Array(bytes.buffer));
        const isRounded = /\dp|\dh/.test(kernels.kit);
        assert.ok(error <= (isRounded ? 1e-5 : 1e-6), `${folder}/${file}: ${error}`);
        if (!isRounded) assert.deepEqual(found.greedy, greedy, `${folder}/${file}`);
      }
      return undefined;
    });
  }

  for (const isSharded of [false, true]) {
    it(`runs files picked together, ${isSharded ? "weights in two files" : "weights in one file"}, as the reference does, and keeps them`, async () => {
      const folder = `llama-${isSharded}`;
      const { prompt, answer, count, promptTokens, names } = makeCheckpoint(join(FIXTURES, "llama"), join(made, folder), { isSharded });
      // Addresses as the browser gives them to picked files.
      const pick = () =>
        engine.page.evaluate(
          ([folder, names]) =>
            Promise.all(
              names.map(async (name) => {
                const blob = await (await fetch(`/made/${folder}/${name}`)).blob();
                return { name, url: URL.createObjectURL(blob), bytes: blob.size };
              }),
            ),
          [folder, names],
        );
      const files = await pick();
      const model = { name: `${folder}.safetensors`, url: files[0].url, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), files };
      const { state } = await engine.load(model);
      assert.equal(state.loaded.is_kept, true);
      assert.equal(state.loaded.quantization, "F32");
      const kept = state.kept.filter(({ model }) => model.name.startsWith("llama-"));
      assert.deepEqual(kept.map(({ model, have, is_whole }) => [model.name, have, is_whole])[0], [model.name, model.bytes, true]);
      const body = { model: model.name, messages: [{ role: "user", content: prompt }], temperature: 0, max_tokens: count, stream: true };
      const asked = async () => {
        const { all } = await engine.chats(1, body);
        assert.equal(all[0].text, answer, all[0].raw);
        assert.equal(all[0].usage.prompt_tokens, promptTokens);
        return all[0].fingerprint;
      };
      const fingerprint = await asked();
      assert.match(fingerprint, /; F32; sha256:[0-9a-f]{64}$/);
      // The picked files are gone with their page; what is kept is enough, and the same.
      await engine.page.evaluate((files) => files.forEach(({ url }) => URL.revokeObjectURL(url)), files);
      await engine.page.evaluate(() => globalThis.askText("POST", "/unload", ""));
      assert.equal(await asked(), fingerprint);
      // A part that the browser took back: said in words, and mended by picking the files again.
      await engine.cutKept(1, (name, size) => (size > 10_000 ? 100 : size));
      assert.equal((await engine.state()).kept.find(({ model }) => model.name.startsWith(folder)).is_whole, false);
      await assert.rejects(engine.load({ ...model }), (error) => {
        assert.match(error.failure.what, /can't be read/);
        assert.match(error.failure.next, /Choose the file/);
        return true;
      });
      const again = await pick();
      const mended = await engine.load({ ...model, url: again[0].url, files: again });
      assert.equal(mended.state.kept.find(({ model }) => model.name.startsWith(folder)).is_whole, true);
      assert.equal(await asked(), fingerprint);
      await engine.page.evaluate((url) => globalThis.askText("POST", "/forget", url), again[0].url);
      assert.deepEqual(await engine.keptFiles(), []);
    });
  }

  it("says what is missing where the files of a model are not all there", async () => {
    const { names } = makeCheckpoint(join(FIXTURES, "llama"), join(made, "partly"), { isSharded: true });
    const all = names.map((name) => ({ name, url: `${engine.server.url}/made/partly/${name}` }));
    const without = (name) => {
      const files = all.filter((file) => file.name !== name);
      return engine.load({ name: `without-${name}`, url: `${engine.server.url}/made/partly/?${name}`, files });
    };
    for (const name of ["config.json", "tokenizer.json", "model-00002-of-00002.safetensors"]) {
      await assert.rejects(without(name), (error) => {
        assert.ok(error.failure.next.includes(name), JSON.stringify(error.failure));
        return true;
      });
    }
    for (const { model } of (await engine.state()).kept) {
      await engine.page.evaluate((url) => globalThis.askText("POST", "/forget", url), model.url);
    }
    assert.deepEqual(await engine.keptFiles(), []);
  });

  describe("with a real model", { skip: skipWithoutModel }, () => {
    before(needModel);
    const model = () => ({ url: `${engine.server.url}/models/${basename(MODEL)}`, name: basename(MODEL), bytes: 98_362_432 });

    it("keeps what has arrived when it is stopped, and goes on from there", async () => {
      await assert.rejects(engine.load(model(), undefined, 20_000_000).then(({ state }) => assert.ok(state, "it was stopped")));
      const kept = (await engine.state()).kept[0];
      assert.ok(kept.have > 10_000_000 && kept.have < 98_000_000, `${kept.have} bytes`);
      assert.equal(kept.is_whole, false);
      const { state, lines } = await engine.load(model());
      const stages = new Set(lines.map((line) => line.progress?.stage).filter(Boolean));
      assert.ok(stages.has("reading") && stages.has("downloading") && stages.has("testing"));
      assert.match(state.loaded.model.sha256, /^b179c952.*db53$/);
      assert.ok(state.loaded.self_test < 5e-3);
      assert.equal(state.kept[0].is_whole, true);
      // The file goes through the worker, never into it.
      assert.ok(state.heap_bytes > 0 && state.heap_bytes < 60_000_000, `${state.heap_bytes} bytes`);
    });

    it("writes the reference's tokens, one by one and side by side", async () => {
      const [first] = json(join(FIXTURES, "smollm2-135m-q4_1.json")).cases;
      const body = { model: basename(MODEL), messages: first.messages, temperature: 0, max_tokens: first.greedy_ids.length, stream: true };
      const wanted = first.text.replace("<|im_end|>", "").trim();
      for (const count of [1, 3]) {
        const { all } = await engine.chats(count, body);
        for (const one of all) {
          assert.equal(one.text.trim(), wanted, one.raw);
          assert.equal(one.reason, "stop");
          assert.equal(one.usage.prompt_tokens, first.prompt_ids.length);
          assert.match(one.fingerprint, /^seedbed-engine .*; Q4_1; sha256:b179c952/);
        }
      }
    });

    it("refuses what it can't keep to, and says why", async () => {
      const body = { model: basename(MODEL), messages: [{ role: "user", content: "Name a tree." }], max_tokens: 2, stream: true };
      const [refused] = (await engine.chats(1, { ...body, response_format: { type: "json_object" } })).all;
      assert.equal(refused.status, 400);
      assert.match(JSON.parse(refused.raw).error.message, /plain text/i);
      const [taken] = (await engine.chats(1, { ...body, response_format: { type: "text" } })).all;
      assert.equal(taken.status, 200);
      assert.equal(taken.usage.completion_tokens, 2);
    });

    it("goes on with what it was writing after the graphics process has died, from the kept file", async () => {
      const [first] = json(join(FIXTURES, "smollm2-135m-q4_1.json")).cases;
      const wanted = first.text.replace("<|im_end|>", "").trim();
      const body = { model: basename(MODEL), messages: first.messages, temperature: 0, max_tokens: first.greedy_ids.length, stream: true };
      await engine.page.evaluate(async (body) => {
        // A device of the page's own shows that all devices were lost.
        const device = await (await navigator.gpu.requestAdapter()).requestDevice();
        globalThis.lost = device.lost;
        globalThis.said = "";
        globalThis.saying = globalThis.ask("POST", "/v1/chat/completions", JSON.stringify(body), (more) => (globalThis.said += more));
      }, body);
      const words = () => engine.page.evaluate(() => globalThis.said.split('"content":').length - 1);
      while ((await words()) < 3) await new Promise((done) => setTimeout(done, 50));
      await engine.page.context().setOffline(true);
      const session = await engine.browser.newBrowserCDPSession();
      await session.send("Browser.crashGpuProcess");
      const written = await words();
      assert.equal(await engine.page.evaluate(async () => (await globalThis.lost).reason), "unknown");
      await engine.page.evaluate(() => globalThis.saying);
      await engine.page.context().setOffline(false);
      const events = (await engine.page.evaluate(() => globalThis.said)).split("\n\n").filter((line) => line.startsWith("data: {"));
      const choices = events.map((line) => JSON.parse(line.slice(6)).choices?.[0]).filter(Boolean);
      assert.equal(choices.map(({ delta }) => delta?.content ?? "").join("").trim(), wanted);
      assert.ok(written < choices.length - 2, `${written} of ${choices.length} pieces were there before it died`);
      assert.equal(choices.find(({ finish_reason: reason }) => reason)?.finish_reason, "stop");
    });

    it("draws alike from the same seed and differently from another", async () => {
      const body = { model: basename(MODEL), messages: [{ role: "user", content: "Name a tree." }], temperature: 1, max_tokens: 8, stream: true };
      const texts = [];
      for (const seed of [1, 1, 2]) texts.push((await engine.chats(1, { ...body, seed })).all[0].text);
      assert.equal(texts[0], texts[1]);
      assert.notEqual(texts[0], texts[2]);
    });

    it("fetches again what the browser took back, and only that", async () => {
      const read = async () => {
        const { state, lines } = await engine.load(model());
        assert.equal(state.kept[0].is_whole, true);
        assert.match(state.loaded.model.sha256, /^b179c952.*db53$/);
        return lines.map(({ progress }) => progress).filter(Boolean);
      };
      await engine.cutKept(10_000_000, () => 50_000_000);
      assert.equal((await engine.state()).kept[0].is_whole, false);
      const cut = await read();
      assert.ok(cut.filter(({ stage }) => stage === "downloading").every(({ done }) => done >= 50_000_000));
      await engine.cutKept(10_000_000, () => null);
      assert.deepEqual((await engine.state()).kept.map(({ have, is_whole }) => [have, is_whole]), [[0, false]]);
      const gone = await read();
      assert.ok(!gone.some(({ stage }) => stage === "reading"));
    });

    it("runs a model that storage has no room for, and says that it is not kept", async () => {
      const name = "roomy.gguf";
      const { bytes } = makeModel(MODEL, join(made, name), { hidden: 512, ffn: 1024, layers: 4, heads: 8, kvHeads: 4 });
      const before = await engine.keptFiles();
      await engine.setRoom(5_000_000);
      const { state } = await engine.load({ name, url: `${engine.server.url}/made/${name}`, bytes });
      assert.equal(state.loaded.is_kept, false);
      assert.ok(!state.kept.some(({ model }) => model.name === name));
      assert.deepEqual(await engine.keptFiles(), before);
      const { all } = await engine.chats(1, { model: name, messages: [{ role: "user", content: "Hi" }], max_tokens: 2, stream: true });
      assert.equal(all[0].usage.completion_tokens, 2, all[0].raw);
      await engine.setRoom();
    });

    it("needs no more memory for a larger file", async () => {
      const heap = [];
      for (const [name, layers] of [["short.gguf", 2], ["tall.gguf", 40]]) {
        const { bytes } = makeModel(MODEL, join(made, name), { hidden: 512, ffn: 2048, layers, heads: 8, kvHeads: 4 });
        const { state } = await engine.load({ name, url: `${engine.server.url}/made/${name}`, bytes });
        heap.push({ bytes, heap: state.heap_bytes });
        await engine.page.evaluate((url) => globalThis.askText("POST", "/forget", url), `${engine.server.url}/made/${name}`);
      }
      const [short, tall] = heap;
      assert.ok(tall.bytes - short.bytes > 150_000_000, JSON.stringify(heap));
      assert.ok(tall.heap - short.heap < 4_000_000, JSON.stringify(heap));
    });

    it("refuses a damaged file and says so", async () => {
      const wrong = { ...model(), url: `${model().url}?again`, sha256: "0".repeat(64) };
      await assert.rejects(engine.load(wrong), /checksum/);
      const kept = (await engine.state()).kept;
      assert.ok(!kept.some((one) => one.model.url.endsWith("?again")));
    });
  });
});
