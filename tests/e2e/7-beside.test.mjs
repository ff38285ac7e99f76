// What stands beside the main path: a model's help with the seed, evolved instructions, a pull request from someone who
// may not write, signing out, and deleting with a way back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Hub, Visitor, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
before(async () => {
  hub = await Hub.start("--scripted-model");
});
after(() => hub.stop());

test("a model helps with the seed, and undo takes its help back", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.go(page, "Seed");

  const cells = async () => Number((await page.getByText(/topics × \d+ perspectives/).first().innerText()).match(/= (\d+) cells/)?.[1]);
  const before = await cells();
  await page.getByRole("button", { name: "Propose topics" }).click();
  await page.getByRole("group", { name: /Proposed by the model/ }).waitFor();
  await page.getByRole("button", { name: "Tick all" }).click();
  await page.getByRole("button", { name: /^Add \d+$/ }).click();
  await waitFor("more cells", async () => (await cells()) > before);
  await page.getByRole("button", { name: "Undo" }).click();
  await waitFor("the cells of before", async () => (await cells()) === before);

  const draft = page.getByRole("button", { name: "Draft an answer" }).first();
  await draft.click();
  const text = page.getByLabel("Draft by the model, yours to change");
  await text.waitFor();
  const drafted = (await text.inputValue()).trim();
  assert.ok(drafted.length > 20, "the draft says nothing");
  await page.getByRole("button", { name: "Replace my answer" }).click();
  await waitFor("the draft to be the answer", () =>
    page.evaluate((text) => [...document.querySelectorAll("textarea")].some((one) => one.value.trim() === text), drafted),
  );
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("an instruction is evolved in each way, and the original stays", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.go(page, "Prompts");
  const { kept } = await steps.promptCounts(page);
  let proposed = 0;
  for (const way of [0, 1, 2, 3, 4]) {
    await page.getByRole("button", { name: /^Evolve/ }).nth(way + 1).click();
    const ways = page.getByRole("group", { name: "How to evolve" });
    await ways.getByRole("button").nth(way).click();
    await ways.waitFor({ state: "detached" });
    // The stand-in writes something for each way; what is no better than its origin is left out by the rules.
    await waitFor("an end of the evolving", async () => (await page.getByRole("button", { name: "Stop" }).count()) === 0);
    ({ proposed } = await steps.promptCounts(page));
  }
  assert.ok(proposed >= 1, "no variant came");
  assert.equal((await steps.promptCounts(page)).kept, kept);
  await page.getByText(/^Evolved from another/).first().waitFor();
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("who may not write offers a pull request, which leaves the branch as it was", async () => {
  const owner = await Visitor.arrive();
  const page = await owner.open(hub);
  await steps.openExample(page);
  await steps.go(page, "Review");
  for (let n = 0; n < 3; n += 1) await steps.decide(page, "1");
  await steps.signInWithToken(page, hub.token);
  await steps.createRepo(page, "bees");
  await steps.commit(page);
  const head = async () => (await (await hub.api("/api/datasets/local/bees")).json()).sha;
  const published = await head();

  await hub.addUser("guest", "hf_guest");
  const second = await Visitor.arrive();
  const other = await second.open(hub);
  await steps.signInWithToken(other, "hf_guest");
  await steps.openRepo(other, "local/bees");
  await steps.go(other, "Review");
  await steps.decide(other, "1");
  await steps.go(other, "Publish");
  await other.getByRole("button", { name: "Offer as a pull request" }).click();
  await other.getByRole("heading", { name: "Offered" }).waitFor();
  assert.equal(await head(), published, "the branch has moved");
  const { discussions } = await (await hub.api("/api/datasets/local/bees/discussions")).json();
  assert.deepEqual(
    discussions.map(({ isPullRequest, status, author }) => ({ isPullRequest, status, author: author?.name ?? author })),
    [{ isPullRequest: true, status: "open", author: "guest" }],
  );

  await other.getByRole("button", { name: "guest" }).first().click();
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByRole("button", { name: "Sign in" }).first().waitFor();
  const kept = await other.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!kept.includes("hf_"), "a token is left after signing out");
  steps.assertCalm(second);
  await second.leave();
  steps.assertCalm(owner);
  await owner.leave();
});

test("a deleted project comes back with what was in it", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.go(page, "Review");
  await steps.decide(page, "1");
  await page.goto(hub.app);
  const projects = page.getByRole("region", { name: "Your projects" });
  await projects.getByRole("button", { name: /^Delete/ }).click();
  await projects.getByRole("link").first().waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await steps.openExisting(page);
  assert.equal((await steps.reviewCounts(page)).accepted, 1);
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a decision that the worker never heard of is there when the project is opened again", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.go(page, "Review");
  // As in a tab that is closed right after the key press: the message is on its way and nobody reads it.
  await page.evaluate(() => {
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...rest) {
      if (!message?.request?.Respond) post.call(this, message, ...rest);
    };
  });
  const decided = await steps.decide(page, "1");
  await page.goto(hub.app);
  await steps.openExisting(page);
  assert.equal((await steps.reviewCounts(page)).accepted, 1);
  const records = await steps.savedRecords(page, "Accepted rows", { withExample: true });
  assert.deepEqual(records.map(({ instruction }) => instruction), [decided.instruction]);
  assert.equal(await page.evaluate(() => Object.keys(localStorage).some((key) => key.includes("outbox"))), false);
  steps.assertCalm(visitor);
  await visitor.leave();
});
