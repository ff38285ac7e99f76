// (d) Things go wrong: servers that ask to slow down, cut streams, a stale commit, storage that is denied or full.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Hub, Visitor, python, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
before(async () => {
  hub = await Hub.start("--scripted-model");
});
beforeEach(() => hub.clearFaults());
after(() => hub.stop());

/** A visitor with the example project, a model that needs no key, and `perCell` kept instructions in each cell. */
async function ready(visitor, perCell = 1, at = hub) {
  const page = await visitor.open(at);
  await steps.openExample(page);
  await steps.chooseServer(page, `${at.url}/open/v1`, steps.MODEL);
  await steps.draftAll(page, perCell);
  await steps.keepAll(page);
  return page;
}

test("a storm of 429s and cut streams ends in whole answers and no failed row", async () => {
  const visitor = await Visitor.arrive();
  const page = await ready(visitor);
  const chat = { path_prefix: "/open/v1/chat" };
  await hub.faults(
    { ...chat, kind: "model", mode: "rate_limit", retry_after: 1, times: 8 },
    { ...chat, kind: "model", mode: "cut_utf8", skip: 3, times: 2 },
    { ...chat, kind: "model", mode: "truncated", skip: 4, times: 2 },
    { ...chat, kind: "model", mode: "error_event", skip: 5, times: 2 },
    { ...chat, kind: "cut", skip: 6, times: 2 },
  );
  await steps.startRun(page);
  const { done, planned, failed } = await steps.finishRun(page, 120_000);
  assert.deepEqual({ done, failed }, { done: planned, failed: 0 });
  for (const record of await steps.savedRecords(page)) {
    assert.ok(!record.response.includes("\uFFFD"), "half a character was stored");
    assert.ok(record.response.length > 20, "a cut answer was stored");
  }
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("used-up credits pause the run with plain words, and it goes on later", async () => {
  const visitor = await Visitor.arrive();
  const page = await ready(visitor);
  await hub.faults({ path_prefix: "/open/v1/chat", kind: "model", mode: "credits", skip: 4, times: 0 });
  await steps.startRun(page);
  await page.getByRole("alert").getByText(/credit/i).first().waitFor();
  const paused = await steps.runNumbers(page);
  assert.ok(paused.done >= 4 && paused.done < paused.planned);
  await hub.clearFaults();
  await page.getByRole("button", { name: /^Go on with/ }).click();
  const { done, planned } = await steps.finishRun(page);
  assert.equal(done, planned);
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a commit that finds a newer head merges and is sent again, and nobody's work is lost", async () => {
  const visitor = await Visitor.arrive();
  const page = await ready(visitor);
  await steps.startRun(page);
  await steps.finishRun(page);
  await steps.signInWithToken(page, hub.token);
  await steps.go(page, "Review");
  const rows = [await steps.decide(page, "1"), await steps.decide(page, "1")];
  await steps.createRepo(page, "contested");
  await page.getByText("The table will hold 2 rows: 2 new.").waitFor();
  // Someone else commits after the plan was shown and while the commit is on its way.
  await python(
    hub,
    `
import huggingface_hub, json
api = huggingface_hub.HfApi()
api.upload_file(path_or_fileobj=b"theirs", path_in_repo="notes.txt", repo_id="local/contested", repo_type="dataset")
print(json.dumps(True))`,
  );
  await hub.faults({ path_contains: "/commit/", kind: "status", status: 412, times: 1 });
  await steps.commit(page);
  // Loaders take a text file for data, so the table has a config of its own there; the page says how it is loaded.
  const code = await page.getByRole("group", { name: "Python" }).innerText();
  const found = await python(
    hub,
    `
import json, huggingface_hub
${code}
files = huggingface_hub.HfApi().list_repo_files("local/contested", repo_type="dataset")
print(json.dumps({"instructions": list(rows["instruction"]), "files": files}))`,
  );
  assert.deepEqual([...found.instructions].sort(), rows.map((row) => row.instruction).sort());
  assert.ok(found.files.includes("notes.txt"));
  const log = await hub.log("/api/datasets/local/contested/commit");
  assert.ok(log.some((entry) => entry.status === 412), "no commit met a 412");
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a commit that lands although its answer is lost is not made twice", async () => {
  const visitor = await Visitor.arrive();
  const page = await ready(visitor);
  await steps.startRun(page);
  await steps.finishRun(page);
  await steps.signInWithToken(page, hub.token);
  await steps.go(page, "Review");
  await steps.decide(page, "1");
  await steps.createRepo(page, "landed");
  await page.getByText("The table will hold 1 row: 1 new.").waitFor();
  await hub.faults({ path_contains: "/commit/", kind: "commit", mode: "land_then_504" });
  await page.getByRole("button", { name: "Commit to the Hub" }).click();
  await page.getByRole("heading", { name: /^(Published|Nothing to commit)$/ }).waitFor();
  const { commits } = await python(
    hub,
    `
import json, huggingface_hub
commits = huggingface_hub.HfApi().list_repo_commits("local/landed", repo_type="dataset")
print(json.dumps({"commits": [commit.title for commit in commits]}))`,
  );
  assert.equal(commits.filter((title) => /row/.test(title)).length, 1, commits.join("; "));
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("without file storage everything works in memory and the page says so", async () => {
  // As in a blocked frame or some private windows: the worker is refused the file system.
  const denied = await Hub.withWorker(
    'navigator.storage.getDirectory = () => Promise.reject(new DOMException("denied", "SecurityError"));\n',
    "--scripted-model",
  );
  const visitor = await Visitor.arrive();
  const page = await ready(visitor, 1, denied);
  await page.getByText(/memory/i).first().waitFor();
  await steps.startRun(page);
  const { done, planned } = await steps.finishRun(page);
  assert.equal(done, planned);
  assert.equal((await steps.savedRecords(page)).length, planned);
  steps.assertCalm(visitor);
  await visitor.leave();
  await denied.stop();
});

for (const [what, spoil] of [
  ["refuses IndexedDB", () => Object.defineProperty(window, "indexedDB", { get: () => { throw new DOMException("denied", "SecurityError"); } })],
  ["never answers for IndexedDB", () => (IDBFactory.prototype.open = () => new EventTarget())],
  ["closes IndexedDB under the page", () => (IDBDatabase.prototype.transaction = () => { throw new DOMException("closed", "InvalidStateError"); })],
]) {
  test(`in a browser that ${what} decisions are shown and stored all the same`, async () => {
    const visitor = await Visitor.arrive();
    await visitor.context.addInitScript(spoil);
    const page = await visitor.open(hub);
    await steps.openExample(page);
    await steps.go(page, "Review");
    const records = [await steps.decide(page, "1"), await steps.decide(page, "2")];
    assert.notEqual(records[0].instruction, records[1].instruction);
    await page.reload();
    const { accepted, rejected } = await steps.reviewCounts(page);
    assert.deepEqual({ accepted, rejected }, { accepted: 1, rejected: 1 });
    await visitor.leave();
  });
}

test("a full disk stops the run with plain words and keeps what was stored", async () => {
  // What a browser does when the quota is used up: every write to an access handle throws.
  const small = await Hub.withWorker(
    `let isFull = false;
new BroadcastChannel("test-disk").onmessage = (event) => (isFull = event.data);
const write = FileSystemSyncAccessHandle.prototype.write;
FileSystemSyncAccessHandle.prototype.write = function (...all) {
  if (isFull) throw new DOMException("No space left", "QuotaExceededError");
  return write.apply(this, all);
};
`,
    "--scripted-model",
    "--model-delay-ms",
    "60",
  );
  const visitor = await Visitor.arrive();
  const page = await ready(visitor, 1, small);
  const disk = (isFull) => page.evaluate((full) => new BroadcastChannel("test-disk").postMessage(full), isFull);
  await steps.startRun(page);
  await waitFor("some rows", async () => (await steps.runNumbers(page)).done > 2);
  await disk(true);
  await page.getByRole("alert").getByText(/storage|full|space/i).first().waitFor();
  const stopped = await steps.runNumbers(page);
  assert.ok(stopped.done < stopped.planned);
  await disk(false);
  await page.getByRole("button", { name: /^(Go on with|Ask again)/ }).first().click();
  const { done, planned } = await steps.finishRun(page);
  assert.equal(done, planned);
  assert.equal((await steps.savedRecords(page)).length, planned);
  steps.assertCalm(visitor);
  await visitor.leave();
  await small.stop();
});

test("what reads the worker's messages may come after them, and the page says so if it can't come", async () => {
  const visitor = await Visitor.arrive();
  const reader = /piece-reader-/;
  let letGo;
  const isHeard = new Promise((done) => (letGo = done));
  let asked = 0;
  await visitor.context.route(reader, async (route) => {
    asked += 1;
    await isHeard;
    await route.continue();
  });
  const page = visitor.context.pages()[0] ?? (await visitor.context.newPage());
  const [worker] = await Promise.all([page.waitForEvent("worker"), visitor.open(hub)]);
  // It listens just before it says that it is ready.
  await waitFor("the worker to listen", () => worker.evaluate(() => self.onmessage !== null));
  await page.getByRole("button", { name: "Open the example" }).click();
  letGo();
  await page.getByRole("heading", { level: 1, name: "Seed" }).waitFor();
  assert.equal(asked, 1);
  steps.assertCalm(visitor);

  await visitor.context.unroute(reader);
  await visitor.context.route(reader, (route) => route.abort());
  await page.reload();
  await page.getByText("This part of Seedbed could not be loaded.").waitFor();
  await visitor.context.unroute(reader);
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Seed" }).waitFor();
  await visitor.leave();
});

test("a project of an older build waits for the part that reads it, and opens when that is there", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  // Whatever an older build derived is marked by the rules it went by.
  await page.goto(`${hub.app}config.json`);
  const aged = await waitFor("the files to be free", () => page.evaluate(age).catch(() => 0));
  assert.equal(aged, 1);

  const reader = /piece-worker-files-/;
  await visitor.context.route(reader, (route) => route.abort());
  await visitor.open(hub);
  await page.getByRole("region", { name: "Your projects" }).getByRole("link").first().click();
  await page.getByText("the part that reads it could not be loaded").waitFor();
  await visitor.context.unroute(reader);
  await page.reload();
  await page.getByText("0 of 8 records reviewed").waitFor();
  steps.assertCalm(visitor);
  await visitor.leave();
});

/** In the page: makes the rules of every database those of an older build; how many there were. */
async function age() {
  let found = 0;
  const walk = async (folder) => {
    for await (const entry of folder.values()) {
      if (entry.kind === "directory") {
        await walk(entry);
        continue;
      }
      const bytes = new Uint8Array(await (await entry.getFile()).arrayBuffer());
      const at = new TextDecoder("latin1").decode(bytes).search(/rules\[\d,\d,\d\]/);
      if (at < 0) continue;
      const file = await entry.createWritable({ keepExistingData: true });
      await file.write({ type: "write", position: at + "rules[".length, data: "0" });
      await file.close();
      found += 1;
    }
  };
  await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle("seedbed"));
  return found;
}
