// Measuring the model in the tab: it gives way to whoever wants an answer, and leaves the engine as it was.

import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { after, before, describe, it } from "node:test";
import { EnginePage } from "./engine.mjs";
import { waitFor } from "./harness.mjs";
import { MODEL, needModel, skipWithoutModel } from "./missing.mjs";

describe("measuring the model in the tab", { skip: skipWithoutModel }, () => {
  let engine;
  let body;
  let wanted;
  before(async () => {
    needModel();
    engine = await EnginePage.open({ "/models/": dirname(MODEL) });
  });
  after(() => engine?.close());

  /** What `/measure` says, line by line; with `stopAt` nobody listens any more once that was said. */
  const measure = async (stopAt, order = { seconds: 0.1 }) => {
    const text = await engine.page.evaluate(
      async ([body, stopAt]) => {
        const stop = (said) => stopAt !== null && said.includes(stopAt);
        return (await globalThis.askText("POST", "/measure", body, stop)).text;
      },
      [JSON.stringify(order), stopAt ?? null],
    );
    return text.trim().split("\n").map((line) => JSON.parse(line));
  };
  const answer = async () => (await engine.chats(1, body)).all[0].text;
  const chatAndLeave = (tokens) =>
    engine.page.evaluate(
      (body) => globalThis.askText("POST", "/v1/chat/completions", body, () => true),
      JSON.stringify({ ...body, max_tokens: tokens }),
    );

  it("says that no model is loaded", async () => {
    const lines = await measure();
    assert.match(lines.at(-1).failed.what, /No model is loaded/);
  });

  it("frees the place of an answer that nobody waits for any more", async () => {
    const name = basename(MODEL);
    await engine.load({ url: `${engine.server.url}/models/${name}`, name }, { context: 512, slots: 1 });
    body = { model: name, messages: [{ role: "user", content: "Count from one to a hundred." }], temperature: 0, max_tokens: 6, stream: true };
    wanted = await answer();
    const before = (await engine.state()).speed.tokens;
    await chatAndLeave(400);
    await waitFor("nothing to be written", async () => (await engine.state()).speed.running === 0);
    assert.ok((await engine.state()).speed.tokens - before < 400);
  });

  it("is refused while answers are written", async () => {
    const writing = engine.chats(1, { ...body, max_tokens: 24 });
    await waitFor("an answer to begin", async () => (await engine.state()).speed.running === 1);
    const lines = await measure();
    assert.equal(lines.length, 1);
    assert.match(lines[0].failed.what, /writing answers/);
    const { all } = await writing;
    assert.ok(all[0].text.startsWith(wanted), all[0].text);
  });

  it("ends when it is stopped or an answer is wanted, which comes as ever", async () => {
    await measure('"prefill"');
    assert.equal(await answer(), wanted);
    const measuring = measure();
    assert.equal(await answer(), wanted);
    assert.match((await measuring).at(-1).failed.what, /an answer was asked/);
  });

  it("gives every figure, and answers afterwards are the same", async () => {
    const lines = await measure();
    const figures = lines.map((line) => line.measure?.figure).filter(Boolean);
    const names = ["load", "heap", "copy", "bytes_per_token", "prefill", "first_token"];
    for (const count of [1, 4, 16]) names.push(...["decode", "dispatches", "readbacks", "bandwidth_share"].map((name) => `${name} ${count}`));
    const found = figures.map(({ name, at_once: count }) => (names.includes(name) ? name : `${name} ${count}`));
    assert.deepEqual(found.toSorted(), names.toSorted());
    for (const { name, value } of figures) assert.ok(Number.isFinite(value) && value > 0, `${name}: ${value}`);
    assert.ok(lines.at(-1).state.loaded);
    assert.equal(await answer(), wanted);
  });
});
