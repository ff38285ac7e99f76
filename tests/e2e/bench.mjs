// The project's figures: sizes, a project with 100,000 records in the browser, Parquet beside pyarrow, requests per second.
// Started by `cargo xtask bench`; prints a table and writes JSON. Nothing here is asserted.

import { execFileSync } from "node:child_process";
import { createWriteStream, existsSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { cpus } from "node:os";
import { join } from "node:path";
import { Hub, ROOT, Visitor, scratch, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

const ROWS = Number(process.env.SEEDBED_BENCH_ROWS ?? 100_000);
const OUT = process.env.SEEDBED_BENCH_OUT ?? join(ROOT, "target/bench.json");
const figures = process.env.SEEDBED_BENCH_SIZES ? JSON.parse(readFileSync(process.env.SEEDBED_BENCH_SIZES)) : [];

/** `better` says which side of the goal is good; `ratio` is value ÷ goal, or value ÷ peer where there is one. */
function note(name, value, goal, better, ratio = value / goal) {
  figures.push({ name, value, goal, better, ratio });
  console.log(`  ${name}: ${round(value)}`);
}
const round = (n) => Number(n.toPrecision(3));
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * q) - 1)];

const WORDS = "soil rye clover rotation drainage manure pasture harvest cattle tillage frost orchard market cooperative subsidy nitrogen".split(" ");
const words = (n, seed) => Array.from({ length: n }, (_, i) => WORDS[(seed * 7 + i * i + i) % WORDS.length]).join(" ");

async function rowsFile() {
  const path = join(scratch("bench"), "rows.jsonl");
  const out = createWriteStream(path);
  for (let n = 0; n < ROWS; n += 1) {
    const row = {
      instruction: `Question ${n}: how do ${words(8, n)} work together?`,
      response: `Answer ${n}. ${words(60, n + 3)}.`,
      topic: WORDS[n % 5],
      perspective: WORDS[5 + (n % 5)],
    };
    if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return path;
}

async function largeProject() {
  const hub = await Hub.start("--scripted-model");
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  const file = await rowsFile();
  const start = performance.now();
  await steps.importFile(page, file);
  note(`import ${ROWS} rows (s)`, (performance.now() - start) / 1000, 60, "less");
  await steps.go(page, "Review");
  await page.getByRole("article", { name: "Record" }).waitFor();

  // Opening: from the click in the list of projects to the first record on the screen.
  const opening = [];
  for (let n = 0; n < 5; n += 1) {
    const id = steps.projectId(page);
    await page.goto(hub.app);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByRole("link", { name: /rows/ }).first().waitFor();
    opening.push(
      await page.evaluate(async (route) => {
        const start = performance.now();
        location.hash = route;
        for (;;) {
          await new Promise((done) => requestAnimationFrame(done));
          if (document.querySelector("article .part-instruction .plain")?.textContent) return performance.now() - start;
        }
      }, `#/p/${id}/review`),
    );
  }
  note(`open a project of ${ROWS}: first record painted (ms)`, quantile(opening, 0.5), 200, "less");

  await keys(visitor, page);

  // Searching: from the request (the field waits 200 ms for more letters first) to the new place on the page.
  await page.getByRole("searchbox", { name: /^Search/ }).waitFor();
  const searching = [];
  for (const text of ["orchard frost", "Question 77", "subsidy", `Answer ${ROWS - 3}`, "rye", "zebra"]) {
    searching.push(
      await page.evaluate(async (text) => {
        const field = document.getElementById("review-search");
        const place = document.querySelector(".position-text");
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, text);
        const start = performance.now() + 200;
        const before = place.textContent;
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        while (place.textContent === before) await new Promise((done) => requestAnimationFrame(done));
        return performance.now() - start;
      }, text),
    );
    await page.waitForTimeout(300);
  }
  note("search, from the request to the result on the page, p50 (ms)", quantile(searching, 0.5), 50, "less");
  note("search, from the request to the result on the page, longest (ms)", Math.max(...searching), 50, "less");
  await visitor.leave();

  await hub.stop();
}

/**
 * The app's own marks, from a key press to after the paint, and how long the page's thread was busy in between: the rest
 * is waiting for the display, which paints every 16.7 ms. That wait is none as long as no other frame was just painted, so
 * the pace matters: eight keys a second are more than anyone reads; held down, a key repeats some twenty to thirty times.
 */
async function keys(visitor, page) {
  const next = await press(visitor, page, [80, 160], 400);
  note("key press → next record painted, p50 (ms)", quantile(next.painted, 0.5), 16, "less");
  note("key press → next record painted, p99 (ms)", quantile(next.painted, 0.99), 16, "less");
  note("… the page's thread busy of that, p50 (ms)", quantile(next.busy, 0.5), 16, "less");
  note("… the page's thread busy of that, p99 (ms)", quantile(next.busy, 0.99), 16, "less");
  const held = await press(visitor, page, [33, 66], 200);
  note("… with a key held down, p50 (ms)", quantile(held.painted, 0.5));
  note("… with a key held down, p99 (ms)", quantile(held.painted, 0.99));
}

/** Presses `count` keys, one in ten a decision, `pause` apart (a random time from … to …, in milliseconds). */
async function press(visitor, page, [from, to], count) {
  await page.getByRole("article", { name: "Record" }).focus();
  await page.evaluate(() => performance.clearMeasures("seedbed:next"));
  const cdp = await visitor.context.newCDPSession(page);
  const events = [];
  cdp.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const includedCategories = ["devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"];
  await cdp.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories } });
  for (let n = 0; n < count; n += 1) {
    await page.keyboard.press(n % 10 === 0 ? "1" : "ArrowRight");
    // Nothing is asked of the page in between: a question would be work of its own.
    await new Promise((done) => setTimeout(done, from + Math.random() * (to - from)));
  }
  const painted = await waitFor("the marks", async () => {
    const found = await page.evaluate(() => performance.getEntriesByName("seedbed:next").map((entry) => entry.duration));
    return found.length >= 0.98 * count ? found : undefined;
  });
  const complete = new Promise((done) => cdp.once("Tracing.tracingComplete", done));
  await cdp.send("Tracing.end");
  await complete;
  await cdp.detach();
  threads.clear();
  const starts = events.filter((one) => one.name === "seedbed:next" && one.ph === "b");
  const ends = events.filter((one) => one.name === "seedbed:next" && one.ph === "e");
  const busy = starts.map(({ pid, ts, id, id2 }) => {
    const end = ends.find((one) => one.pid === pid && (one.id ?? one.id2?.local) === (id ?? id2?.local) && one.ts >= ts)?.ts ?? ts;
    const tasks = events.filter((one) => one.ph === "X" && one.name === "RunTask" && one.pid === pid && isMain(events, one));
    return tasks.reduce((sum, one) => sum + Math.max(0, Math.min(end, one.ts + one.dur) - Math.max(ts, one.ts)), 0) / 1000;
  });
  return { painted, busy };
}

const threads = new Map();
function isMain(events, { pid, tid }) {
  if (threads.size === 0) {
    for (const one of events) if (one.name === "thread_name") threads.set(`${one.pid}:${one.tid}`, one.args.name);
  }
  return threads.get(`${pid}:${tid}`) === "CrRendererMain";
}

async function requestsPerSecond() {
  const hub = await Hub.start("--scripted-model", "--model-delay-ms", "50");
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  // A browser has six connections to a host; with more requests than that, one is always ready when a connection is.
  await steps.setNumber(page, "Requests at once", 10);
  await steps.setNumber(page, "Answers per instruction", 10);
  await steps.draftAll(page, 2);
  await steps.keepAll(page);
  await hub.local("DELETE", "log");
  await steps.startRun(page);
  const { done } = await steps.finishRun(page);
  const log = (await hub.log("/open/v1/chat/completions")).map((entry) => entry.at_ms).sort((a, b) => a - b);
  // From the first request to the last one's answer, against six connections that never rest.
  const seconds = (log.at(-1) - log[0] + 50) / 1000;
  const rate = done / seconds;

  // Peers in the same run: six bare loops of `fetch` in the same browser, and six of this program.
  const bare = async ({ url, model, requests }) => {
    const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "How do rye and clover grow together?" }] });
    let left = requests;
    const start = performance.now();
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        while (left > 0) {
          left -= 1;
          const answer = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
          await answer.text();
        }
      }),
    );
    return requests / ((performance.now() - start) / 1000);
  };
  const order = { url: `${hub.url}/open/v1/chat/completions`, model: steps.MODEL, requests: done };
  const inBrowser = await page.evaluate(bare, order);
  const outside = await bare(order);
  note("requests/s against a 50 ms endpoint", rate, 120, "more");
  note("… of six bare loops of fetch in the same browser", rate / inBrowser, 0.95, "more", rate / inBrowser);
  note("… of six bare connections of another program", rate / outside, 0.95, "more", rate / outside);
  await visitor.leave();
  await hub.stop();
}

/** Programs of the crates, which print JSON lines; pyarrow is timed by the one for tables, right after. */
function native() {
  const cargo = (name, example, ...args) =>
    execFileSync("cargo", ["run", "--quiet", "--profile", "native", "--package", name, "--example", example, "--", ...args], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 64 << 20,
    })
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
  // In memory, where there is one: otherwise the disk is what is measured.
  const folder = existsSync("/dev/shm") ? ["/dev/shm"] : [];
  for (const { what, p99_ms: p99 } of cargo("seedbed-store", "big", String(ROWS), ...folder)) {
    const goal = what.includes("search") ? 50 : what.includes("open") ? 200 : undefined;
    note(`store natively: ${what}, p99 (ms)`, p99, goal, "less");
  }
  for (const { name, value, goal, better, ratio } of cargo("seedbed-table", "bench", String(ROWS), process.env.SEEDBED_PYTHON ?? "python3")) {
    note(name, value, goal, better, ratio);
  }
}

for (const [title, part] of [
  ["natively", native],
  ["requests per second", requestsPerSecond],
  ["a large project in the browser", largeProject],
]) {
  if (process.env.SEEDBED_BENCH_ONLY && !title.includes(process.env.SEEDBED_BENCH_ONLY)) continue;
  console.log(`\n${title}`);
  try {
    await part();
  } catch (error) {
    console.log(`  could not be measured: ${error.message.split("\n")[0]}`);
  }
}

console.log(`\n${"figure".padEnd(60)} ${"value".padStart(10)} ${"goal".padStart(10)}  ratio`);
for (const { name, value, goal, better, ratio } of figures) {
  if (goal === undefined) {
    console.log(`${name.padEnd(60)} ${String(round(value)).padStart(10)} ${"".padStart(10)}`);
    continue;
  }
  const isGood = better === "less" ? value <= goal : (ratio === value / goal ? value >= goal : ratio >= goal);
  console.log(
    `${name.padEnd(60)} ${String(round(value)).padStart(10)} ${`${better === "less" ? "≤" : "≥"} ${goal}`.padStart(10)}  ${round(ratio).toFixed(2)} ${isGood ? "" : "← short of it"}`,
  );
}
writeFileSync(OUT, `${JSON.stringify({ machine: `${cpus().length} × ${cpus()[0]?.model}`, date: new Date().toISOString(), rows: ROWS, figures }, null, 2)}\n`);
console.log(`\nwritten to ${OUT}`);
