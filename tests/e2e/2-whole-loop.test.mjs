// (b) A real seed grows into a published dataset that Python loads, and a second person finds everything in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Hub, ROOT, Visitor, python, shot, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

const SEED = join(ROOT, "crates/core/tests/data/farming-seed_data.json");
let hub;
before(async () => {
  hub = await Hub.start("--scripted-model");
});
after(() => hub.stop());

test("farming seed to a published dataset that Python loads and a colleague opens", async (t) => {
  const first = await Visitor.arrive();
  const page = await first.open(hub);
  const accepted = [];
  let rejected;

  await t.test("the seed is imported with its 5 topics and 5 perspectives", async () => {
    await steps.importFile(page, SEED);
    await steps.go(page, "Seed");
    const seed = JSON.parse(readFileSync(SEED, "utf8"));
    for (const text of [...seed.topics, ...seed.perspectives]) await steps.seesListItem(page, text);
  });

  await t.test("signing in on the Hub's own page brings the person back, signed in", async () => {
    await steps.signInByOauth(page, hub);
    await steps.chooseRouterModel(page, steps.MODEL);
  });

  await t.test("25 cells get an instruction each, and all are kept", async () => {
    await steps.draftAll(page, 1);
    await waitFor("25 instructions", async () => (await steps.promptCounts(page)).proposed === 25);
    await steps.keepAll(page);
    assert.equal((await steps.promptCounts(page)).kept, 25);
  });

  await t.test("each kept instruction gets its answer", async () => {
    await steps.startRun(page);
    const numbers = await steps.finishRun(page);
    assert.deepEqual(numbers, { done: 25, planned: 25, failed: 0, flying: 0 });
  });

  await t.test("ten records are reviewed by keyboard alone", async () => {
    await steps.go(page, "Review");
    await page.getByRole("article", { name: "Record" }).waitFor();
    for (let n = 0; n < 7; n += 1) accepted.push(await steps.decide(page, "1"));
    // The eighth is mended before it is taken.
    const { instruction } = await steps.shownRecord(page);
    const mended = "An answer that a person wrote, with “quotes”, an é and a 🌾.";
    await page.keyboard.press("e");
    await page.getByRole("textbox", { name: "Edit the answer" }).fill(mended);
    await page.keyboard.press("Control+Enter");
    await waitFor("the next record", async () => (await steps.shownRecord(page)).instruction !== instruction);
    accepted.push({ instruction, response: mended });
    rejected = await steps.decide(page, "2");
    await steps.shownRecord(page);
    await page.keyboard.press("x");
    await page.getByRole("form", { name: "Why discard it?" }).getByRole("button", { name: /Off topic/ }).click();
    await waitFor("ten decisions", async () => (await steps.reviewCounts(page)).pending === 15);
    assert.equal(new Set(accepted.map((row) => row.instruction)).size, 8);
  });

  await t.test("the work is published", async () => {
    await steps.createRepo(page, "farming");
    await page.getByText("The table will hold 8 rows: 8 new.").waitFor();
    await steps.commit(page);
    await shot(page, "published");
  });

  await t.test("load_dataset returns exactly the accepted rows, in the viewer's columns", async () => {
    const loaded = await python(
      hub,
      `
import json, datasets
rows = datasets.load_dataset("local/farming", split="train")
print(json.dumps({"columns": rows.column_names, "rows": rows.to_list(),
                  "configs": datasets.get_dataset_config_names("local/farming")}))`,
    );
    const text = (rows) => rows.map(({ instruction, response }) => `${instruction}\n→ ${response}`).sort();
    assert.deepEqual(text(loaded.rows), text(accepted));
    assert.ok(!text(loaded.rows).includes(text([rejected])[0]));
    for (const column of ["id", "instruction", "response", "topic", "perspective", "model", "quality", "messages"]) {
      assert.ok(loaded.columns.includes(column), `no column ${column}`);
    }
    assert.equal(new Set(loaded.rows.map((row) => row.id)).size, 8);
    for (const row of loaded.rows) {
      const said = row.messages.map(({ role, content }) => [role, content]);
      assert.deepEqual(said.slice(-2), [
        ["user", row.instruction],
        ["assistant", row.response],
      ]);
    }
  });

  await t.test("a colleague's browser opens the repo with seed, records and decisions", async () => {
    await hub.addUser("colleague", "hf_colleague");
    const second = await Visitor.arrive();
    const other = await second.open(hub);
    await steps.openRepo(other, "local/farming");
    await steps.go(other, "Seed");
    for (const text of JSON.parse(readFileSync(SEED, "utf8")).topics) await steps.seesListItem(other, text);
    await steps.go(other, "Review");
    const counts = await steps.reviewCounts(other);
    assert.deepEqual(
      { total: counts.total, accepted: counts.accepted, pending: counts.pending },
      { total: 25, accepted: 8, pending: 15 },
    );
    steps.assertCalm(second);
    await second.leave();
  });

  await t.test("no token is left in the browser's storage, the address or the repo", async () => {
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + location.href);
    assert.ok(!/hf_/.test(kept), "a token in local storage or the address");
    const { texts } = await python(
      hub,
      `
import json, pathlib, huggingface_hub
folder = huggingface_hub.snapshot_download("local/farming", repo_type="dataset")
print(json.dumps({"texts": [path.read_bytes().decode("latin-1") for path in pathlib.Path(folder).rglob("*") if path.is_file()]}))`,
    );
    assert.ok(texts.length >= 5);
    assert.ok(texts.every((text) => !/hf_(oauth_)?[A-Za-z0-9]{6}/.test(text)), "a token in the repo");
  });

  steps.assertCalm(first);
  await first.leave();
});
