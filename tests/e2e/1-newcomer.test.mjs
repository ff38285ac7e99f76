// (a) Somebody opens the page for the first time, without an account, and takes the example all the way.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Hub, Visitor, shot, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
before(async () => {
  hub = await Hub.start("--scripted-model");
});
after(() => hub.stop());

test("a newcomer takes the example from the first page to saved rows, and finds it again after a reload", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await shot(page, "newcomer-home");
  await steps.openExample(page);

  await steps.go(page, "Seed");
  await steps.go(page, "Prompts");
  const start = await steps.promptCounts(page);
  assert.ok(start.kept + start.proposed > 0, "the example has instructions to touch");

  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.draftAll(page, 1);
  await steps.keepAll(page);
  await steps.startRun(page);
  const { done, planned, failed } = await steps.finishRun(page);
  assert.equal(failed, 0);
  assert.equal(done, planned);

  await steps.go(page, "Review");
  const before = await steps.reviewCounts(page);
  const row = await steps.decide(page, "1");
  await steps.decide(page, "2");
  await page.keyboard.press("z");
  await waitFor("the undo", async () => (await steps.reviewCounts(page)).rejected === before.rejected);
  assert.equal((await steps.reviewCounts(page)).accepted, before.accepted + 1);

  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Review" }).waitFor();
  await waitFor("the counts", async () => (await steps.reviewCounts(page)).accepted === before.accepted + 1);
  // The undone decision comes back: the undo stack survives the reload.
  await page.getByRole("button", { name: "Redo" }).click();
  await waitFor("the redo", async () => (await steps.reviewCounts(page)).rejected === before.rejected + 1);

  const saved = await steps.savedRecords(page, "Accepted rows");
  assert.ok(saved.some((record) => record.instruction === row.instruction && record.response === row.response));

  await page.goto(hub.app);
  await steps.openExisting(page);
  await steps.go(page, "Review");
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a second tab says that the project is open elsewhere and takes it over", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.go(page, "Seed");
  const second = await visitor.context.newPage();
  await second.goto(page.url());
  await second.getByRole("button", { name: "Open here instead" }).click();
  await second.getByRole("heading", { level: 1, name: "Seed" }).waitFor();
  await page.getByRole("dialog", { name: "Opened in another tab" }).waitFor();
  steps.assertCalm(visitor);
  await visitor.leave();
});
