// A seed grows rows with a real model in the tab, offline, and a person reviews them.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { Hub, Visitor, WEBGPU, scratch, shot, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

const MODEL = process.env.SEEDBED_MODEL;
const SEED = {
  domain: "seafaring",
  perspectives: ["Sailor", "Fisher"],
  topics: ["the sea", "weather"],
  examples: [{ question: "Why is the sea salty?", answer: "Rivers carry salts from the land into it." }],
  domain_expert_prompt: "You are an old sailor who answers in one short sentence.",
};

const skip = !MODEL && "SEEDBED_MODEL names no model file";
let hub;
before(async () => {
  if (!skip) hub = await Hub.start("--scripted-model", "--model-file", MODEL);
});
after(() => hub?.stop());

test("a seed becomes reviewed rows by a model in the tab, offline", { skip }, async (t) => {
  const visitor = await Visitor.arrive({}, [WEBGPU]);
  const page = await visitor.open(hub);
  const file = join(scratch("seed"), "seed_data.json");
  writeFileSync(file, JSON.stringify(SEED));

  await t.test("the seed is there, with an instruction for each cell", async () => {
    await steps.importFile(page, file);
    await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
    await steps.draftAll(page, 1);
    await steps.keepAll(page);
    assert.equal((await steps.promptCounts(page)).kept, 4);
  });

  await t.test("the model is offered with size and licence, loads, and passes its test", async () => {
    const dialog = await steps.openThisTab(page);
    const offer = dialog.getByRole("button", { name: /^Download 98.* MB and load/ });
    await offer.first().waitFor();
    assert.ok(await dialog.getByText(/apache-2\.0/i).first().isVisible());
    await shot(page, "tab-offer");
    await offer.first().click();
    await dialog.getByText(/^passed/).waitFor();
    await shot(page, "tab-loaded");
    await dialog.getByRole("button", { name: "Use this model", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    await steps.setNumber(page, "Longest answer", 24);
  });

  await t.test("without a network, the run fills every row", async () => {
    await visitor.context.setOffline(true);
    await steps.startRun(page);
    await waitFor("the speed of all answers together", async () => /\d tokens a second/.test((await page.locator("main").textContent()) ?? ""));
    await shot(page, "tab-run");
    const numbers = await steps.finishRun(page, 180_000);
    assert.deepEqual(numbers, { done: 4, planned: 4, failed: 0, flying: 0 });
  });

  await t.test("its rows are reviewed, and say what computed them", async () => {
    await steps.go(page, "Review");
    await page.getByRole("article", { name: "Record" }).waitFor();
    const { response } = await steps.shownRecord(page);
    assert.ok(response.length > 10, response);
    await steps.decide(page, "1");
    await waitFor("one decision", async () => (await steps.reviewCounts(page)).pending === 3);
    const rows = await steps.savedRecords(page);
    assert.equal(rows.length, 4);
    for (const { provenance } of rows) {
      assert.equal(provenance.model, basename(MODEL));
      assert.match(provenance.provider, /^seedbed-engine \d/);
      assert.equal(provenance.quantization, "Q4_1");
      assert.match(provenance.revision, /^sha256:b179c952.*db53$/);
      assert.equal(provenance.sampling.max_tokens, 24);
      assert.ok(provenance.usage.completion_tokens > 0);
    }
  });

  await t.test("after a reload the kept file is loaded again without being fetched", async () => {
    await visitor.context.setOffline(false);
    await page.reload();
    await page.getByRole("heading", { level: 1 }).waitFor();
    await hub.local("DELETE", "log");
    const dialog = await steps.openThisTab(page);
    await shot(page, "tab-kept");
    await dialog.getByRole("button", { name: /^Load\b(?!ed)/ }).first().click();
    await dialog.getByText(/^passed/).waitFor();
    const fetched = (await hub.log("/")).filter(({ path }) => path.endsWith(".gguf"));
    assert.deepEqual(fetched, []);
  });

  steps.assertCalm(visitor);
  await visitor.leave();
});
