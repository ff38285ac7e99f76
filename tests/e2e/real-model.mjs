// The whole journey against a real language model behind an OpenAI-compatible server; prints the figures that
// docs/measurements.md records. Usage: cargo xtask real-model --upstream http://127.0.0.1:8080/v1
//
// It asserts nothing about what the model writes: a small model writes badly, and the figures say how badly.

import { join } from "node:path";
import { Hub, ROOT, Visitor, python, shot } from "./harness.mjs";
import * as steps from "./steps.mjs";

const upstream = process.argv[2] ?? "http://127.0.0.1:8080/v1";
const models = await (await fetch(`${upstream}/models`)).json();
const model = models.data[0].id;
const hub = await Hub.start("--upstream", upstream);
const visitor = await Visitor.arrive();
const page = await visitor.open(hub);
const figures = { date: new Date().toISOString(), upstream_model: model };

const timed = async (name, act) => {
  const start = performance.now();
  const result = await act();
  figures[name] = Number(((performance.now() - start) / 1000).toFixed(1));
  console.log(`${name}: ${figures[name]} s`);
  return result;
};

await steps.importFile(page, join(ROOT, "crates/core/tests/data/farming-seed_data.json"));
await steps.chooseServer(page, `${hub.url}/open/v1`, model);
await steps.setNumber(page, "Longest answer, in tokens", 256);
await timed("draft_s", () => steps.draftAll(page, 2, 1_200_000));
const drafted = await steps.promptCounts(page);
figures.instructions_drafted = drafted.proposed;
await shot(page, "real-model-prompts", { fullPage: true });
await steps.keepAll(page);
await steps.startRun(page);
const run = await timed("answers_s", () => steps.finishRun(page, 1_800_000));
Object.assign(figures, { rows_planned: run.planned, rows_done: run.done, rows_failed: run.failed });
figures.rows_per_minute = Number(((run.done * 60) / figures.answers_s).toFixed(1));
await shot(page, "real-model-run", { fullPage: true });

const records = await steps.savedRecords(page);
const flags = {};
for (const record of records) for (const flag of record.provenance?.flags ?? record.flags ?? []) flags[flag] = (flags[flag] ?? 0) + 1;
figures.flags = flags;
figures.answer_words_mean = Math.round(records.reduce((sum, record) => sum + record.response.split(/\s+/).length, 0) / records.length);
await steps.go(page, "Review");
const accepted = [];
for (let n = 0; n < Math.min(10, records.length); n += 1) accepted.push(await steps.decide(page, n % 5 === 4 ? "2" : "1"));
await steps.signInWithToken(page, hub.token);
await steps.createRepo(page, "real-model");
await timed("publish_s", () => steps.commit(page));
const loaded = await python(
  hub,
  `
import json, datasets
rows = datasets.load_dataset("local/real-model", split="train")
print(json.dumps({"rows": len(rows), "columns": rows.column_names}))`,
);
figures.loaded_rows = loaded.rows;
const colleague = await Visitor.arrive();
const other = await colleague.open(hub);
await timed("opened_elsewhere_s", () => steps.openRepo(other, "local/real-model"));
figures.opened_elsewhere = await steps.reviewCounts(other);
await colleague.leave();
console.log(JSON.stringify({ ...figures, sample: accepted.slice(0, 3) }, null, 2));
await visitor.leave();
await hub.stop();
