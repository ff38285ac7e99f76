// A seed grows rows with a real model in the tab, offline, and a person reviews them.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible } from "./access.mjs";
import { makeCheckpoint } from "./checkpoint.mjs";
import { Hub, ROOT, Visitor, WEBGPU, scratch, shot, waitFor } from "./harness.mjs";
import { MODEL, needModel, skipWithoutModel as skip } from "./missing.mjs";
import * as steps from "./steps.mjs";

const FIXTURE = join(ROOT, "tests/fixtures/engine/llama");
const SEED = {
  domain: "seafaring",
  perspectives: ["Sailor", "Fisher"],
  topics: ["the sea", "weather"],
  examples: [{ question: "Why is the sea salty?", answer: "Rivers carry salts from the land into it." }],
  domain_expert_prompt: "You are an old sailor who answers in one short sentence.",
};

/** What the engine's worker does when a page tells it to, for it to be as engines are on other machines. */
function misbehaviour() {
  const on = (name, act) => {
    new BroadcastChannel(name).onmessage = ({ data }) => act(data);
  };
  // As one whose program runs into an error.
  on("crash", () =>
    setTimeout(() => {
      throw new Error("told to crash");
    }),
  );
  // As one that never comes back from a call.
  on("hang", () => {
    for (;;);
  });
  // As a slow device: each result comes so many milliseconds later.
  let late = 0;
  on("slow", (ms) => {
    late = ms;
  });
  const look = globalThis.GPUBuffer?.prototype.mapAsync;
  if (!look) return;
  globalThis.GPUBuffer.prototype.mapAsync = async function (...order) {
    await look.apply(this, order);
    if (late > 0) await new Promise((done) => setTimeout(done, late));
  };
}

let hub;
before(async () => {
  if (skip) return;
  needModel();
  hub = await Hub.withWorker("", "--scripted-model", "--model-file", MODEL);
  const loader = join(hub.site, "engine_loader.js");
  writeFileSync(loader, `(${misbehaviour})();${readFileSync(loader, "utf8")}`);
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

/** A project with an instruction for each cell, and the offered model loaded and chosen. */
async function withModel(page) {
  const file = join(scratch("seed"), "seed_data.json");
  writeFileSync(file, JSON.stringify(SEED));
  await steps.importFile(page, file);
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.draftAll(page, 1);
  await steps.keepAll(page);
  const dialog = await steps.openThisTab(page);
  await dialog.getByRole("button", { name: /^Download 98.* MB and load/ }).first().click();
  await dialog.getByText(/^passed/).waitFor();
  return dialog;
}

async function use(dialog) {
  await dialog.getByRole("button", { name: "Use this model", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });
}

const tell = (page, name, data = "") => page.evaluate(([name, data]) => new BroadcastChannel(name).postMessage(data), [name, data]);
const crash = (page) => tell(page, "crash");

test("the dialog keeps the accessibility rules, and takes files from this computer", { skip }, async (t) => {
  const visitor = await Visitor.arrive({ bypassCSP: true, reducedMotion: "reduce" }, [WEBGPU]);
  const page = await visitor.open(hub);
  await steps.openExample(page);
  const dialog = await steps.openThisTab(page);
  const looks = async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme });
        // High enough to see all of it.
        await page.setViewportSize({ width, height: 1600 });
        await assertAccessible(page, `${name}, ${width} px, ${colorScheme}`);
        await shot(page, `${name}-${width}-${colorScheme}`);
        const isWide = await dialog.evaluate((node) => node.scrollWidth > node.clientWidth);
        assert.equal(isWide, false, `${name} is wider than ${width} px`);
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 800 });
  };
  const pick = (files) => dialog.getByLabel("Choose files on this computer").setInputFiles(files);
  const loaded = (name) => dialog.getByRole("heading", { name: new RegExp(`^Loaded: ${name}`) }).waitFor();

  await t.test("with nothing loaded", async () => {
    await dialog.getByRole("button", { name: /^Download 98.* MB and load/ }).first().waitFor();
    await looks("this-tab-empty");
    await dialog.getByText("Another model file").click();
    await dialog.getByLabel("By its link").scrollIntoViewIfNeeded();
    await looks("this-tab-other");
  });

  await t.test("a GGUF file, which is kept", async () => {
    await pick(MODEL);
    await loaded(basename(MODEL));
    await dialog.getByText(/^passed/).waitFor();
    await looks("this-tab-loaded");
    const kept = dialog.getByRole("region", { name: "Kept in this browser" });
    await kept.getByRole("listitem").filter({ hasText: basename(MODEL) }).waitFor();
  });

  await t.test("files that are no model, with the reason", async () => {
    await pick(join(ROOT, "package.json"));
    await dialog.getByText(/^Choose config\.json, tokenizer\.json and the \.safetensors files too/).waitFor();
  });

  await t.test("a model in safetensors", async () => {
    const folder = scratch("checkpoint");
    const { names } = makeCheckpoint(FIXTURE, folder, { isSharded: true });
    await pick(names.map((name) => join(folder, name)));
    await loaded("llama\\.safetensors");
    await dialog.getByText("Llama, F32").waitFor();
    await looks("this-tab-checkpoint");
  });

  steps.assertCalm(visitor);
  await visitor.leave();
});

test("pages that ask a model say that it has to be loaded first, and load it", { skip }, async () => {
  const visitor = await Visitor.arrive({ bypassCSP: true }, [WEBGPU]);
  const page = await visitor.open(hub);
  await use(await withModel(page));
  for (const [name, ask] of [
    ["Seed", "Propose topics"],
    ["Prompts", /^Draft \d/],
  ]) {
    await steps.go(page, name);
    await page.reload();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    const notice = page.getByRole("note").filter({ hasText: `${basename(MODEL)} is not loaded.` });
    await notice.waitFor();
    await assertAccessible(page, `${name} without its model`);
    await shot(page, `not-loaded-${name.toLowerCase()}`);
    // Nothing is asked; the focus goes to what has to be done first.
    await page.getByRole("button", { name: ask }).click();
    await waitFor("the focus on the notice", () => notice.evaluate((node) => node === document.activeElement));
    await notice.getByRole("button", { name: /^Load it again \(98 MB\)/ }).click();
    await notice.waitFor({ state: "hidden" });
    await waitFor("the focus on the heading", () => page.evaluate(() => document.activeElement?.tagName === "H1"));
  }
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a run outlives an engine that fails", { skip }, async (t) => {
  const visitor = await Visitor.arrive({}, [WEBGPU]);
  const page = await visitor.open(hub);
  const dialog = await withModel(page);
  await use(dialog);
  await steps.setNumber(page, "Longest answer", 24);
  const isWriting = () =>
    waitFor("tokens", async () => /\d tokens a second/.test((await page.locator("main").textContent()) ?? ""));

  await t.test("without its file it stops and says why; nothing is lost, and it goes on when a model is loaded", async () => {
    const again = await steps.openThisTab(page);
    const kept = again.getByRole("region", { name: "Kept in this browser" });
    await kept.getByRole("button", { name: /^Delete/ }).click();
    await kept.getByRole("button", { name: /^Delete 98 MB/ }).click();
    await kept.waitFor({ state: "hidden" });
    await page.keyboard.press("Escape");
    await again.waitFor({ state: "hidden" });
    await steps.startRun(page);
    await isWriting();
    await crash(page);
    await page.getByRole("heading", { name: "The run stopped" }).waitFor();
    await page.getByText(`${basename(MODEL)} is not loaded in this tab.`).first().waitFor();
    await page.getByRole("note").filter({ hasText: "is not loaded." }).waitFor();
    await shot(page, "engine-crashed");
    const { done, failed } = await steps.runNumbers(page);
    assert.equal(failed, 0);
    const mended = await steps.openThisTab(page);
    await mended.getByRole("button", { name: /^Download 98.* MB and load/ }).first().click();
    await mended.getByText(/^passed/).waitFor();
    await use(mended);
    await page.getByRole("button", { name: /^Go on with/ }).click();
    const end = await steps.finishRun(page, 180_000);
    assert.deepEqual(end, { done: 4, planned: 4, failed: 0, flying: 0 });
    assert.ok(done <= 4);
  });

  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a slow engine gets there: its rows say how far they are, and end in one try", { skip }, async (t) => {
  const visitor = await Visitor.arrive({ bypassCSP: true, reducedMotion: "reduce" }, [WEBGPU]);
  const page = await visitor.open(hub);
  await use(await withModel(page));
  await steps.setNumber(page, "Longest answer", 24);
  const rows = page.getByRole("table", { name: "Rows of this run" });

  await t.test("a row being written says how far it is", async () => {
    await tell(page, "slow", 500);
    await steps.startRun(page);
    await waitFor("a prompt that is read", async () => /reading \d+ of \d+ tokens/.test((await rows.textContent()) ?? ""));
    await waitFor("a row being written", async () => /writing, \d+ of at most 24 tokens/.test((await rows.textContent()) ?? ""));
    await assertAccessible(page, "a run in this tab");
    await shot(page, "tab-writing");
    // What changes each second is not read out each second.
    assert.equal(await rows.locator("[aria-live], [role=status], [role=alert]").count(), 0);
  });

  await t.test("every row ends in one try", async () => {
    const numbers = await steps.finishRun(page, 300_000);
    assert.deepEqual(numbers, { done: 4, planned: 4, failed: 0, flying: 0 });
    assert.doesNotMatch((await rows.textContent()) ?? "", /\d tries/);
  });

  steps.assertCalm(visitor);
  await visitor.leave();
});

test("an engine that hangs is ended after a minute, and another one writes its rows", { skip }, async () => {
  const visitor = await Visitor.arrive({}, [WEBGPU]);
  const page = await visitor.open(hub);
  await use(await withModel(page));
  await steps.setNumber(page, "Longest answer", 24);
  await tell(page, "slow", 500);
  await steps.startRun(page);
  const rows = page.getByRole("table", { name: "Rows of this run" });
  await waitFor("a row being written", async () => /writing, \d/.test((await rows.textContent()) ?? ""));
  await tell(page, "hang");
  await page.getByRole("note").filter({ hasText: "stopped working once and was started again" }).waitFor({ timeout: 180_000 });
  await shot(page, "engine-restarted");
  const numbers = await steps.finishRun(page, 180_000);
  assert.deepEqual(numbers, { done: 4, planned: 4, failed: 0, flying: 0 });
  assert.doesNotMatch((await rows.textContent()) ?? "", /\d tries/);
  steps.assertCalm(visitor);
  await visitor.leave();
});
