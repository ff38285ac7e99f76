// (k) Work of several people, of other programs, and of one person in several places: nothing is lost, overwritten or
// passed off as somebody else's.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Hub, Mortal, Visitor, python, scratch, shot, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
/** The browser of the moment that a failed test must not leave running. */
let mortal;
before(async () => {
  hub = await Hub.start("--scripted-model");
  await hub.addUser("ann", "hf_ann", "write", ["garden"]);
  await hub.addUser("bob", "hf_bob", "write", ["garden"]);
});
after(async () => {
  await mortal?.kill();
  await hub.stop();
});

/** Rows of a published table, as `datasets` loads them. */
async function loaded(repo) {
  const rows = await python(
    hub,
    `
import json, datasets
rows = datasets.load_dataset("${repo}", split="train")
print(json.dumps([{"instruction": row["instruction"], "response": row["response"]} for row in rows.to_list()]))`,
  );
  return rows.sort((a, b) => a.instruction.localeCompare(b.instruction));
}

/** Takes the record that is shown as good, with another answer. */
async function acceptAs(page, text) {
  const { instruction } = await steps.shownRecord(page);
  await page.keyboard.press("e");
  await page.getByRole("textbox", { name: "Edit the answer" }).fill(text);
  await page.keyboard.press("Control+Enter");
  await waitFor("the decision", async () => /^Rated good, with your edits/.test(await page.locator(".decide-said").innerText()));
  return instruction;
}

/** Fetches what the others have committed, and sends what is new. */
async function publish(page) {
  await steps.go(page, "Publish");
  // The plan of an earlier visit may still stand there.
  await page.getByRole("button", { name: "Look again" }).click();
  await page.getByRole("button", { name: "Look again" }).waitFor();
  const send = page.getByRole("button", { name: "Commit to the Hub" });
  await send.or(page.getByText("The Hub has everything already.")).waitFor();
  if (await send.isVisible()) await steps.commit(page);
}

test("two people accept, reject and edit the same rows, and agree on what is published", async () => {
  const repo = "garden/bees";
  const first = await Visitor.arrive();
  const ann = await first.open(hub);
  await steps.openExample(ann);
  await steps.signInWithToken(ann, "hf_ann");
  await steps.go(ann, "Review");
  const plain = await steps.decide(ann, "1");
  const edited = await acceptAs(ann, "Ann's own words.");
  const kept = await steps.decide(ann, "1");
  await steps.createRepo(ann, "bees", { owner: "garden" });
  await steps.commit(ann);
  const before = await loaded(repo);
  assert.equal(before.length, 3);

  const second = await Visitor.arrive();
  const bob = await second.open(hub);
  await steps.signInWithToken(bob, "hf_bob");
  await steps.openRepo(bob, repo);
  await steps.queue(bob, "Accepted");
  await waitFor("the first accepted record", async () => (await steps.shownRecord(bob)).instruction === plain.instruction);
  await steps.decide(bob, "2");
  await waitFor("the second accepted record", async () => (await steps.shownRecord(bob)).instruction === edited);
  // Ann's words are shown once Bob has given his.
  await acceptAs(bob, "Bob's own words.");
  const counts = await steps.reviewCounts(bob);
  assert.deepEqual({ accepted: counts.accepted, disputed: counts.disputed }, { accepted: 1, disputed: 2 });
  await publish(bob);
  assert.deepEqual(
    (await loaded(repo)).map((row) => row.instruction),
    [kept.instruction],
    "what is disputed is not published",
  );

  await publish(ann);
  assert.deepEqual(await steps.reviewCounts(ann), await steps.reviewCounts(bob), "they don't agree");
  await steps.queue(ann, "Disputed");
  await waitFor("the first dispute", async () => (await steps.shownRecord(ann)).instruction === plain.instruction);
  await ann.keyboard.press("j");
  await waitFor("the second dispute", async () => (await steps.shownRecord(ann)).instruction === edited);
  await shot(ann, "disputed", { fullPage: true });
  await ann.getByRole("button", { name: /^Use these words\b.*bob/ }).click();
  await ann.keyboard.press("1");
  await waitFor("an end of the dispute", async () => (await steps.reviewCounts(ann)).disputed === 1);
  await publish(ann);
  await publish(bob);
  assert.deepEqual(await steps.reviewCounts(ann), await steps.reviewCounts(bob), "they don't agree in the end");
  const after = await loaded(repo);
  assert.deepEqual(after.map((row) => row.instruction).sort(), [edited, kept.instruction].sort());
  assert.equal(after.find((row) => row.instruction === edited).response, "Bob's own words.");
  for (const visitor of [first, second]) {
    steps.assertCalm(visitor);
    await visitor.leave();
  }
});

test("a table that a script has pushed stays until a person says otherwise", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.signInWithToken(page, hub.token);
  await steps.go(page, "Review");
  const rows = [await steps.decide(page, "1")];
  await steps.createRepo(page, "pushed");
  await steps.commit(page);
  await python(
    hub,
    `
import datasets, json
rows = datasets.Dataset.from_dict({"instruction": ["theirs"], "response": ["pushed by a script"]})
rows.push_to_hub("local/pushed")
print(json.dumps(True))`,
  );
  const theirs = [{ instruction: "theirs", response: "pushed by a script" }];
  assert.deepEqual(await loaded("local/pushed"), theirs);

  await steps.go(page, "Review");
  rows.push(await steps.decide(page, "1"));
  await steps.go(page, "Publish");
  await page.getByText(/is not the one that Seedbed wrote last/).waitFor();
  await shot(page, "foreign-table");
  await steps.commit(page);
  await page.getByText(/The table stays as it was\./).waitFor();
  assert.deepEqual(await loaded("local/pushed"), theirs, "the pushed table was overwritten");

  await page.getByText("It may be replaced").click();
  await page.getByLabel(/^Replace it by the table of this project, with 2 rows/).check();
  await page.getByRole("button", { name: "Commit, and replace the table" }).click();
  await page.getByText("The Hub has everything already.").waitFor();
  assert.deepEqual((await loaded("local/pushed")).map((row) => row.instruction).sort(), rows.map((row) => row.instruction).sort());
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a browser that is killed in the second after a decision lists the project as it is", async () => {
  const profile = scratch("mortal");
  mortal = await Mortal.start(profile);
  await mortal.page.goto(hub.app);
  await steps.openExample(mortal.page);
  await steps.go(mortal.page, "Review");
  const { total } = await steps.reviewCounts(mortal.page);
  await steps.decide(mortal.page, "1");
  await waitFor("the confirmation", async () => (await steps.reviewCounts(mortal.page)).accepted === 1);
  await mortal.kill();
  mortal = await Mortal.start(profile);
  await mortal.page.goto(hub.app);
  const projects = mortal.page.getByRole("region", { name: "Your projects" });
  await projects.getByText(`1 of ${total} records accepted`).waitFor();
  await mortal.kill();
  rmSync(profile, { recursive: true, force: true });
});

test("a link asks before anything is read from the Hub, and not again for what is here", async () => {
  const owner = await Visitor.arrive();
  const page = await owner.open(hub);
  await steps.openExample(page);
  await steps.signInWithToken(page, hub.token);
  await steps.go(page, "Review");
  await steps.decide(page, "1");
  await steps.createRepo(page, "linked");
  await steps.commit(page);
  await owner.leave();

  const visitor = await Visitor.arrive();
  await hub.local("DELETE", "log");
  const other = await visitor.open(hub, "#/hub/local/linked/review");
  await other.getByRole("heading", { level: 1, name: "Open local/linked?" }).waitFor();
  const asked = async () => [...(await hub.log("/api/datasets")), ...(await hub.log("/datasets"))];
  assert.deepEqual(await asked(), [], "something was read because of a link");
  await other.getByRole("button", { name: "Open it" }).click();
  await other.getByRole("heading", { level: 1, name: "Review" }).waitFor();
  assert.equal((await steps.reviewCounts(other)).accepted, 1);
  await other.goto(hub.app);
  await other.getByRole("region", { name: "Your projects" }).waitFor();
  await other.goto(`${hub.app}#/hub/local/linked/review`);
  await other.getByRole("heading", { level: 1, name: "Review" }).waitFor();
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a project of several pieces is saved, and read back in another browser with all that was in it", async () => {
  const folder = scratch("pieces");
  const rows = join(folder, "rows.jsonl");
  const long = "Grüße aus dem Beet 🌾. ".repeat(60);
  writeFileSync(
    rows,
    Array.from({ length: 3_000 }, (_, n) => JSON.stringify({ instruction: `Question ${n}?`, response: `${n}: ${long}` })).join("\n"),
  );
  const first = await Visitor.arrive();
  const page = await first.open(hub);
  await steps.importFile(page, rows);
  await steps.go(page, "Review");
  await steps.decide(page, "1");
  await steps.decide(page, "2");
  await acceptAs(page, "Words of one's own.");
  const counts = await steps.reviewCounts(page);
  assert.equal(counts.total, 3_000);
  const saved = await steps.saveProject(page);
  assert.match(saved.name, /\.seedbed\.jsonl$/);
  assert.ok(saved.text.length > 3 << 20, "one piece would have done");
  steps.assertCalm(first);
  await first.leave();

  const file = join(folder, saved.name);
  writeFileSync(file, saved.text);
  const second = await Visitor.arrive();
  const other = await second.open(hub);
  await steps.importFile(other, file);
  assert.deepEqual(await steps.reviewCounts(other), counts);
  const lines = (text) => text.split("\n").filter(Boolean).sort();
  assert.deepEqual(lines((await steps.saveProject(other)).text), lines(saved.text), "something else is in it now");
  steps.assertCalm(second);
  await second.leave();
  rmSync(folder, { recursive: true, force: true });
});

test("a guest who signs in says whose decisions they are, and they are published so", async () => {
  const writers = async (repo) => {
    const tree = await (await hub.api(`/api/datasets/${repo}/tree/main/.seedbed/decisions?recursive=true`)).json();
    return [...new Set(tree.filter(({ type }) => type === "file").map(({ path }) => decodeURIComponent(path.split("/")[2])))].sort();
  };
  for (const areMine of [true, false]) {
    const repo = areMine ? "mine" : "not-mine";
    const visitor = await Visitor.arrive();
    const page = await visitor.open(hub);
    await steps.openExample(page);
    await steps.go(page, "Review");
    const row = await steps.decide(page, "1");
    await steps.signInWithToken(page, hub.token, { areMine });
    await steps.createRepo(page, repo);
    await steps.commit(page);
    const found = await writers(`local/${repo}`);
    // The guest's own decisions stay the guest's; who says that they are the same person is the account.
    assert.equal(found.filter((writer) => writer.startsWith("~")).length, 1, found.join(", "));
    assert.equal(found.includes("local"), areMine, found.join(", "));
    assert.deepEqual((await loaded(`local/${repo}`)).map(({ instruction }) => instruction), [row.instruction]);

    // Once said, it is not asked again.
    await page.reload();
    await steps.go(page, "Review");
    await page.getByRole("button", { name: "Sign in", exact: true }).first().click();
    const dialog = page.getByRole("dialog", { name: "Hugging Face account" });
    await dialog.waitFor();
    const field = dialog.getByLabel("Access token");
    if (!(await field.isVisible())) await dialog.getByText("Use an access token instead").click();
    await field.fill(hub.token);
    await dialog.getByRole("button", { name: "Sign in with the token" }).click();
    await dialog.waitFor({ state: "hidden" });
    steps.assertCalm(visitor);
    await visitor.leave();
  }
});
