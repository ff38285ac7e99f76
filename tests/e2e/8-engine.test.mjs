// A language model in the tab: the reference's numbers in a real browser, loading and going on after a break, and rows
// made by it, offline.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EnginePage } from "./engine.mjs";
import { ROOT } from "./harness.mjs";

const FIXTURES = join(ROOT, "../shared/engine-fixtures");
const MODEL = process.env.SEEDBED_MODEL;

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

describe("the engine in a browser", { skip: !existsSync(FIXTURES) && "the fixtures are not here" }, () => {
  let engine;
  before(async () => {
    engine = await EnginePage.open({ "/fixtures/": FIXTURES, ...(MODEL ? { "/models/": dirname(MODEL) } : {}) });
  });
  after(() => engine?.close());

  it("scores every tiny checkpoint as the reference does, and continues it alike", async () => {
    let count = 0;
    for (const family of readdirSync(FIXTURES)) {
      const folder = join(FIXTURES, family);
      const files = family.endsWith(".json") || family === "README.md" ? [] : readdirSync(folder);
      for (const file of files.filter((name) => name.endsWith(".gguf"))) {
        const kind = /^model-(.*)\.gguf$/.exec(file)?.[1];
        const reference = join(folder, kind ? `ref-${kind}` : "ref");
        const greedy = json(join(reference, "greedy.json"));
        const bytes = new Uint8Array(readFileSync(join(reference, "logits.f32")));
        const url = `${engine.server.url}/fixtures/${family}/${file}`;
        const found = await engine.parity(url, json(join(reference, "ids.json")), greedy.length);
        const error = nmse(found.scores, new Float32Array(bytes.buffer));
        assert.ok(error <= 1e-6, `${family}/${file}: ${error}`);
        assert.deepEqual(found.greedy, greedy, `${family}/${file}`);
        count += 1;
      }
    }
    assert.ok(count >= 26, `${count} checkpoints`);
  });

  describe("with a real model", { skip: !MODEL && "SEEDBED_MODEL names no model file" }, () => {
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

    it("draws alike from the same seed and differently from another", async () => {
      const body = { model: basename(MODEL), messages: [{ role: "user", content: "Name a tree." }], temperature: 1, max_tokens: 8, stream: true };
      const texts = [];
      for (const seed of [1, 1, 2]) texts.push((await engine.chats(1, { ...body, seed })).all[0].text);
      assert.equal(texts[0], texts[1]);
      assert.notEqual(texts[0], texts[2]);
    });

    it("refuses a damaged file and says so", async () => {
      const wrong = { ...model(), url: `${model().url}?again`, sha256: "0".repeat(64) };
      await assert.rejects(engine.load(wrong), /checksum/);
      const kept = (await engine.state()).kept;
      assert.ok(!kept.some((one) => one.model.url.endsWith("?again") && one.is_whole));
    });
  });
});
