// (c) The browser is killed ten times in the middle of a run: nothing that was finished is lost, nothing asked twice.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { Hub, Mortal, scratch, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

const KILLS = 10;
let hub;
/** The browser of the moment, which a failed test must not leave running. */
let browser;
before(async () => {
  // Slow enough that a kill always finds answers on their way.
  hub = await Hub.start("--scripted-model", "--model-delay-ms", "600", "--model-piece-delay-ms", "10");
});
after(async () => {
  await browser?.kill();
  await hub.stop();
});

test("ten kills lose no finished row and ask for no finished row again", async () => {
  const profile = scratch("mortal");
  browser = await Mortal.start(profile);
  let { page } = browser;
  await page.goto(hub.app);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await steps.openExample(page);
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.draftAll(page, 4);
  await steps.keepAll(page);
  const address = page.url().replace(/#.*/, "");
  const id = steps.projectId(page);
  const planned = (await steps.promptCounts(page)).kept;
  assert.ok(planned > KILLS * 4, `${planned} rows are too few for ${KILLS} kills`);
  await steps.startRun(page);

  // What was stored when the run last went on.
  let stored = new Set();
  // A browser stores some rows more before it is dead, so each aim is taken from what is left.
  const reserve = 8;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const left = planned - reserve - stored.size;
    const aim = stored.size + Math.max(1, Math.floor(left / (KILLS - kill)));
    const seen = await waitFor(`row ${aim}`, async () => {
      const { done } = await steps.runNumbers(page);
      return done >= aim && done;
    });
    await browser.kill();
    await assertAsksNothingTwice(stored);

    browser = await Mortal.start(profile);
    page = browser.page;
    await page.goto(`${address}#/p/${id}/generate`);
    await page.getByRole("button", { name: /^Go on with/ }).waitFor();
    const records = await steps.savedRecords(page);
    assert.ok(records.length >= seen, `${seen} rows were shown as stored, ${records.length} are there`);
    const texts = new Set(records.map((record) => record.instruction));
    assert.equal(texts.size, records.length, "a row is there twice");
    for (const text of stored) assert.ok(texts.has(text), `lost: ${text}`);
    stored = texts;

    await hub.local("DELETE", "log");
    await steps.go(page, "Generate");
    await page.getByRole("button", { name: /^Go on with/ }).click();
  }
  const { done, failed } = await steps.finishRun(page);
  await assertAsksNothingTwice(stored);
  assert.deepEqual({ done, failed }, { done: planned, failed: 0 });
  assert.equal((await steps.savedRecords(page)).length, planned);
  await browser.kill();
  rmSync(profile, { recursive: true, force: true });
});

/** What was put to the model since the log was cleared has none of the rows that were stored before. */
async function assertAsksNothingTwice(stored) {
  const log = await hub.log("/open/v1/chat/completions");
  for (const { chat } of log) {
    const text = chat?.messages.at(-1).content;
    assert.ok(!stored.has(text), `asked again: ${text}`);
  }
}
