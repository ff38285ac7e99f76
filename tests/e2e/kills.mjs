// The browser is killed at random moments of a run, a review and a publish. Lost is what the page had painted, as it told
// the test before the kill, and what is not there after the next start.
//
// `cargo xtask kills [--count N] [--seed N]` prints what it finds; 3-kill.test.mjs does some of it in each test run.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Hub, Mortal, RESULTS, python, scratch, waitFor } from "./harness.mjs";
import { Painted, discarded, good, readSaved, watchPaint } from "./painted.mjs";
import * as steps from "./steps.mjs";

const REPO = "kills";
/** Answers a run asks for: all of its rows fit the list on the page. */
const RUN = 25;
/** How long a person reviews, or watches a run, at most before the browser dies. */
const LASTS_MS = { run: 5_000, review: 9_000 };

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** A project with records to review and kept instructions to answer, as a file. */
function projectFile(records, instructions) {
  const clock = { ms: 1_700_000_000_000, n: 0 };
  const cell = { topic: "soil", perspective: "beginner" };
  const params = (temperature) => ({ temperature, top_p: null, max_tokens: 512, seed: null });
  const lines = [
    {
      seedbed_project: 2,
      seed: { domain: "Kills", description: "", expert_prompt: "", topics: ["soil"], perspectives: ["beginner"], examples: [] },
      settings: {
        instructions_per_cell: 2,
        answers_per_instruction: 1,
        instruct: params(0.9),
        answer: params(0.7),
        concurrency: 6,
        row_cap: RUN,
      },
    },
  ];
  for (let n = 0; n < instructions; n += 1) {
    const origin = { kind: "typed" };
    const act = { id: `act${n}`, writer: "~0000000000000001", on: `i${n}`, clock, act: "add", cell, to: `Question ${n}: how is a bed of seedlings cared for on day ${n}?` };
    lines.push({ instruction: { ...act, state: "kept", origin, seed_hash: "", created_ms: 1_700_000_000_000 + n } });
  }
  for (let n = 0; n < records; n += 1) {
    const fields = { instruction: `Record ${n}: what is to be done in the garden on day ${n}?`, response: `On day ${n} the beds are weeded and watered. Then there is time to rest.` };
    lines.push({ record: { id: `k${n}`, cell, fields, provenance: { imported_from: "kills" }, created_ms: 1_700_000_000_000 + n } });
  }
  return lines.map((line) => JSON.stringify(line)).join("\n");
}

/** A project that one browser after the other works on, and what was found. */
class Proof {
  constructor(seed, log) {
    this.random = numbers(seed);
    this.log = log;
    this.lost = [];
    this.kills = { run: 0, review: 0, publish: 0 };
    this.owed = { acts: 0, drafts: 0, rows: 0, published: 0 };
    this.behind = [];
    this.stored = new Set();
    this.publishTook = 3_000;
  }

  miss(kind, what) {
    this.lost.push(`${kind}: ${what}`);
    this.log(`LOST ${kind}: ${what}`);
  }

  int(from, to) {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  async begin(count) {
    // Slow enough that a kill always finds answers on their way.
    this.hub = await Hub.start("--scripted-model", "--model-delay-ms", "300", "--model-piece-delay-ms", "5");
    this.profile = scratch("mortal");
    this.painted = new Painted();
    await this.start();
    const file = join(scratch("kills"), "kills.seedbed.jsonl");
    writeFileSync(file, projectFile(60 + count * 8, 60 + count * 15));
    await this.page.goto(this.hub.app);
    await this.page.getByRole("heading", { level: 1 }).waitFor();
    await steps.importFile(this.page, file);
    await steps.chooseServer(this.page, `${this.hub.url}/open/v1`, steps.MODEL);
    this.id = steps.projectId(this.page);
    // Something to publish, and the repo it goes to.
    await steps.go(this.page, "Review");
    for (let n = 0; n < 2; n += 1) await this.decide("1", good());
    await steps.signInWithToken(this.page, this.hub.token);
    await steps.createRepo(this.page, REPO);
    await this.browser.kill();
    this.painted.end(Date.now());
    await this.look("setup");
  }

  /** Starts a browser on the profile. */
  async start() {
    this.painted.forget();
    this.isOver = false;
    this.browser = await Mortal.start(this.profile);
    this.page = this.browser.page;
    await this.browser.context.exposeBinding("__painted", (_, json) => this.painted.hear(json));
    await this.browser.context.addInitScript(watchPaint);
  }

  async told(what, test) {
    await waitFor(what, () => {
      if (this.isOver) throw new Error("killed");
      return test(this.painted.state);
    });
  }

  /** Presses what decides on the record that is shown, and waits until that is painted. */
  async decide(keys, to) {
    const { painted, page } = this;
    await this.told("a record", (state) => state.page === "Review" && state.record);
    painted.begin(to);
    await page.keyboard.press(keys);
    await this.told("the next record", () => painted.act === null);
  }

  /** One thing that a person does on the review page. */
  async reviewOnce() {
    const { painted, page } = this;
    await this.told("a record", (state) => state.page === "Review" && (state.record || state.isAtEnd));
    await pause(this.int(40, 260));
    const { record, isEdited, answer } = painted.state;
    const choice = this.random();
    if (choice < 0.35) return this.decide("1", good(isEdited ? answer : null));
    if (choice < 0.47) return this.decide("2", "bad");
    if (choice < 0.58) {
      await page.keyboard.press("x");
      await this.told("the reasons", (state) => state.reasons);
      await pause(this.int(40, 200));
      return this.decide("2", discarded("Off topic"));
    }
    if (choice < 0.74) {
      const isRedo = this.random() < 0.4 && painted.future.length > 0;
      if (!isRedo && painted.past.length === 0) return undefined;
      painted.beginBack(isRedo);
      await page.keyboard.press(isRedo ? "Shift+Z" : "z");
      return this.told("the undo", () => painted.act === null);
    }
    // Words of one's own: taken at once, or left as a draft for a while.
    if (/You: |You discarded/.test(painted.state.marks)) return undefined;
    await page.keyboard.press("e");
    await this.told("the editor", (state) => state.typed !== null);
    await page.keyboard.press("Control+End");
    await page.keyboard.type(` Then ${this.int(2, 99)} rows are hoed.`, { delay: this.int(5, 40) });
    if (this.random() < 0.5) await pause(this.int(0, 1_800));
    await this.told("the words", (state) => state.isEdited && state.typed?.endsWith("hoed."));
    if (this.random() < 0.6) return this.decide("Control+Enter", good(painted.state.typed));
    await page.keyboard.press("Escape");
    await this.told("the text", (state) => state.record === record && state.typed === null);
    await pause(this.int(0, 1_200));
    if (this.random() < 0.5) return undefined;
    await page.keyboard.press("s");
    return this.told("the next record", (state) => state.record !== record);
  }

  async review() {
    // Half of the time while a run stores answers: the worker has something else to do.
    if (this.random() < 0.5) await (await this.openRun()).click();
    await this.page.goto(`${this.hub.app}#/p/${this.id}/review`);
    await this.told("a record", (state) => state.page === "Review" && state.record);
    await this.page.keyboard.press("m");
    const act = async () => {
      while (!this.isOver) await this.reviewOnce();
    };
    return this.killIn(this.random() * LASTS_MS.review, act());
  }

  /** The button that lets a run go on, or begins one. */
  async openRun() {
    await this.page.goto(`${this.hub.app}#/p/${this.id}/generate`);
    const go = this.page.getByRole("button", { name: /^(Go on with|Ask for) \d/ }).first();
    await go.waitFor();
    return go;
  }

  async run() {
    const { page } = this;
    const go = await this.openRun();
    const act = async () => {
      while (!this.isOver) {
        await go.click();
        await steps.finishRun(page);
        await go.waitFor();
      }
    };
    return this.killIn(this.random() * LASTS_MS.run, act());
  }

  async publish() {
    const { page, painted } = this;
    await page.goto(`${this.hub.app}#/p/${this.id}/publish`);
    await steps.signInWithToken(page, this.hub.token);
    await steps.go(page, "Review");
    await this.told("a record", (state) => state.record);
    await this.decide("1", good(painted.state.isEdited ? await this.answerText() : null));
    await steps.go(page, "Publish");
    const send = page.getByRole("button", { name: "Commit to the Hub" });
    await send.waitFor();
    const act = async () => {
      const from = Date.now();
      await send.click();
      await this.told("the publish", (state) => state.published);
      this.publishTook = (this.publishTook + Date.now() - from) / 2;
    };
    return this.killIn(this.random() * this.publishTook * 1.3, act());
  }

  async answerText() {
    await this.page.keyboard.press("m");
    await this.told("plain text", (state) => state.answer !== null);
    return this.painted.state.answer;
  }

  /** Kills the browser after a while, whatever `act` is at. */
  async killIn(ms, act) {
    const failed = act.catch((error) => {
      if (!this.isOver) throw error;
    });
    await Promise.race([pause(ms), failed.then(() => pause(ms))]);
    this.isOver = true;
    const when = Date.now();
    // What the page told before it died, and is heard only now, counts as well.
    await this.browser.kill();
    this.painted.end(when);
    await failed;
  }

  /** Starts the browser again and looks whether all that was painted is there. */
  async look(kind) {
    const { painted } = this;
    const owed = {
      decisions: new Map(painted.decisions),
      drafts: new Map(painted.drafts),
      act: painted.act,
      rows: new Set(painted.rows),
      published: painted.published,
    };
    await this.start();
    const { page, hub } = this;
    const lost = (what) => this.miss(kind, what);
    await page.goto(hub.app);
    const listed = page.getByRole("region", { name: "Your projects" }).locator(".project-facts span").first();
    const list = await listed.textContent();
    await page.goto(`${hub.app}#/p/${this.id}/publish`);
    await page.getByRole("heading", { level: 1, name: "Publish" }).waitFor();
    await waitFor("an empty box", () => page.evaluate(() => !Object.keys(localStorage).some((key) => key.includes("outbox"))));
    const saved = readSaved((await steps.saveProject(page)).text);

    for (const [record, is] of owed.decisions) {
      const allowed = owed.act?.record === record ? [owed.act.from, owed.act.to] : [is];
      const found = saved.decisions.get(record) ?? null;
      if (!allowed.includes(found)) lost(`“${record}” was painted as ${allowed.join(" or ")} and is ${found}`);
    }
    for (const [record, is] of saved.decisions) {
      if (is !== null && !owed.decisions.has(record) && owed.act?.record !== record) lost(`“${record}” is ${is}, and nobody decided that`);
      painted.decisions.set(record, is);
    }
    for (const row of owed.rows) {
      if (!saved.byInstruction.has(row)) lost(`the answer to “${row}” was painted as stored`);
    }
    for (const [text, all] of saved.byInstruction) if (all.length > 1) lost(`“${text}” is there ${all.length} times`);
    const generated = [...saved.byInstruction.keys()].filter((text) => text.startsWith("Question"));
    for (const text of this.stored) if (!saved.byInstruction.has(text)) lost(`the answer to “${text}” had been stored`);
    await this.assertAsksNothingTwice(lost);
    await hub.local("DELETE", "log");
    this.stored = new Set(generated);
    const accepted = [...saved.decisions.values()].filter((is) => is?.startsWith("good")).length;
    const said = Number(list.match(/^([\d,]+) of/)?.[1].replace(/\D/g, ""));
    const isHonest = list.endsWith("or more by now") ? said <= accepted : said === accepted;
    if (!isHonest) this.behind.push(`${kind}: “${list}”, and ${accepted} are accepted`);
    if (owed.published) await this.lookAtHub(owed.published, saved, lost);
    await this.lookAtDrafts(owed, lost);
    Object.assign(this.owed, { acts: painted.acts, rows: owed.rows.size });
  }

  async lookAtDrafts({ drafts, act }, lost) {
    const { page, painted } = this;
    const open = [...drafts].filter(([record]) => record !== act?.record);
    painted.drafts = new Map();
    if (open.length === 0) return;
    await page.goto(`${this.hub.app}#/p/${this.id}/review`);
    await this.told("a record", (state) => state.page === "Review" && (state.record || state.isAtEnd));
    await page.keyboard.press("m");
    const found = new Map();
    const queue = page.getByRole("group", { name: "Queues" }).getByRole("button", { name: /^My drafts/ });
    // It is hidden while there are none.
    const hasAny = await queue.waitFor({ timeout: 10_000 }).then(() => true, () => false);
    if (hasAny) await queue.click();
    let pressed = Date.now();
    while (hasAny) {
      await this.told("a draft", async ({ record, isAtEnd, answer }) => {
        if (isAtEnd || (record && answer !== null && !found.has(record))) return true;
        // A key that came while the queue was changed went by a record of the one before.
        if (Date.now() - pressed > 1_000) {
          pressed = Date.now();
          await page.keyboard.press("j");
        }
        return false;
      });
      const { record, answer, isAtEnd } = painted.state;
      if (isAtEnd || !record) break;
      found.set(record, answer);
      pressed = Date.now();
      await page.keyboard.press("j");
    }
    for (const [record, text] of open) {
      this.owed.drafts += 1;
      // What was typed at its end and not painted any more may be there as well.
      if (!found.get(record)?.startsWith(text)) lost(`the draft “${text}” of “${record}” is ${JSON.stringify(found.get(record))}`);
      painted.drafts.set(record, found.get(record));
    }
    // Away from this queue: the same address again would show no other.
    await page.goto(this.hub.app);
  }

  /** What was said to be published is on the Hub. */
  async lookAtHub(said, saved, lost) {
    this.owed.published += 1;
    const [, commit, rows] = said.match(/^Commit (\w+)\. The table holds ([\d,]+) rows? now\.$/) ?? [];
    const commits = await (await this.hub.api(`/api/datasets/local/${REPO}/commits/main`)).json();
    if (!commits.some(({ id }) => id.startsWith(commit))) return lost(`commit ${commit} is not on the Hub`);
    const ids = await this.tableIds(commits.find(({ id }) => id.startsWith(commit)).id);
    if (ids.length !== Number(rows.replace(/\D/g, ""))) lost(`the table of ${commit} has ${ids.length} rows, painted were ${rows}`);
    for (const id of ids) {
      const { instruction } = saved.records.get(id).fields;
      if (!saved.decisions.get(instruction)?.startsWith("good")) lost(`“${instruction}” is in the table, and nobody accepted it`);
    }
    return undefined;
  }

  async tableIds(revision) {
    const text = await (await this.hub.api(`/datasets/local/${REPO}/resolve/${revision}/.seedbed/table.jsonl`)).text();
    return text.split("\n").filter(Boolean).map((line) => JSON.parse(line).id);
  }

  /** What was put to the model since the log was cleared has none of the rows that were stored before. */
  async assertAsksNothingTwice(lost) {
    const log = await this.hub.log("/open/v1/chat/completions");
    for (const { chat } of log) {
      const text = chat?.messages.at(-1).content;
      assert.match(text, /^Question \d+/);
      if (this.stored.has(text)) lost(`asked again: ${text}`);
    }
  }

  /** The work goes on to its end as if nothing had been. */
  async finish() {
    const { page, hub } = this;
    await page.goto(`${hub.app}#/p/${this.id}/generate`);
    const resume = page.getByRole("button", { name: /^Go on with/ });
    await page.getByRole("button", { name: /^(Go on with|Ask for) \d/ }).first().waitFor();
    if (await resume.isVisible()) {
      await resume.click();
      const { failed } = await steps.finishRun(page);
      assert.equal(failed, 0);
      await this.assertAsksNothingTwice((what) => this.miss("finish", what));
    }
    await page.goto(`${hub.app}#/p/${this.id}/review`);
    await steps.signInWithToken(page, hub.token);
    await steps.go(page, "Publish");
    await page.getByRole("button", { name: "Commit to the Hub" }).or(page.getByText("The Hub has everything already.")).waitFor();
    if (await page.getByRole("button", { name: "Commit to the Hub" }).isVisible()) await steps.commit(page);
    const saved = readSaved((await steps.saveProject(page)).text);
    const wanted = [...saved.records.values()].flatMap(({ fields: { instruction, response } }) => {
      const is = saved.decisions.get(instruction);
      if (!is?.startsWith("good")) return [];
      return [`${instruction}\n${is === "good" ? response : is.slice("good: ".length)}`];
    });
    const found = await python(
      hub,
      `
import json, datasets
rows = datasets.load_dataset("local/${REPO}", split="train")
print(json.dumps([row["instruction"] + "\\n" + row["response"] for row in rows.to_list()]))`,
    );
    assert.deepEqual(found.sort(), wanted.sort(), "the published table is not what was accepted");
  }

  async end() {
    await this.browser?.kill();
    await this.hub?.stop();
    rmSync(this.profile, { recursive: true, force: true });
  }
}

/** Kills the browser `count` times and tells what was lost. */
export async function kills({ count, seed, only, log = () => {} }) {
  const proof = new Proof(seed, log);
  try {
    await proof.begin(count);
    const acts = only ? [only] : ["review", "run", "publish"];
    for (let n = 0; n < count; n += 1) {
      const act = acts[n % acts.length];
      await proof[act]();
      proof.kills[act] += 1;
      await proof.look(act);
      log(`${n + 1}/${count} ${act}: lost so far ${proof.lost.length}`);
    }
    await proof.finish();
  } catch (error) {
    await proof.page?.screenshot({ path: join(RESULTS, "kills.png") }).catch(() => {});
    throw error;
  } finally {
    await proof.end();
  }
  return proof;
}

/** Decides while the worker can't store anything, and kills the browser as soon as that is painted. */
export async function busyKill() {
  const proof = new Proof(1, () => {});
  try {
    await proof.begin(1);
    const { page } = proof;
    await page.goto(`${proof.hub.app}#/p/${proof.id}/review`);
    await proof.told("a record", (state) => state.page === "Review" && state.record);
    const workers = page.workers().filter((worker) => worker.url().includes("worker_loader"));
    assert.equal(workers.length, 1);
    const busy = workers[0].evaluate(() => {
      for (const end = Date.now() + 60_000; Date.now() < end; );
    });
    busy.catch(() => {});
    const { acts } = proof.painted;
    await proof.decide("1", good());
    await proof.decide("2", "bad");
    await proof.decide("1", good());
    await proof.browser.kill();
    proof.painted.end(Date.now());
    await proof.look("busy");
    return { lost: proof.lost, acts: proof.painted.acts - acts };
  } finally {
    await proof.end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { count: { type: "string" }, seed: { type: "string" }, only: { type: "string" } } });
  const count = Number(values.count ?? 200);
  const seed = Number(values.seed ?? Date.now() % 2 ** 32);
  console.log(`seed ${seed}`);
  const proof = await kills({ count, seed, only: values.only, log: console.log });
  const { kills: done, owed, lost, behind } = proof;
  console.log(`kills: ${JSON.stringify(done)}; looked for after them: ${JSON.stringify(owed)}`);
  for (const line of behind) console.log(`list of projects: ${line}`);
  console.log(`lost: ${lost.length} (seed ${seed})`);
  process.exit(lost.length + behind.length > 0 ? 1 : 0);
}
