// (e) Every text that a model or a file can bring stays text.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Hub, Visitor, scratch } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
before(async () => {
  hub = await Hub.start("--scripted-model");
});
after(() => hub.stop());

const ATTACKS = [
  `<script>window.__xss="script"</script>`,
  `<img src=x onerror="window.__xss='img'">`,
  `<svg/onload="window.__xss='svg'">`,
  `[click](javascript:window.__xss='link')`,
  `![picture](javascript:window.__xss='picture')`,
  `<a href="javascript:window.__xss='a'">go</a>`,
  `[data](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
  `<iframe srcdoc="<script>parent.__xss='frame'</script>"></iframe>`,
  `<style>*{background:url(https://evil.example/x)}</style>`,
  `<form action="https://evil.example"><button>OK</button></form>`,
  `"><script>alert(1)</script>`,
  `\`\`\`html\n<script>alert(2)</script>\n\`\`\``,
  `<details open ontoggle="window.__xss='toggle'">`,
  `{{constructor.constructor('window.__xss=1')()}}`,
  `<math><mtext></table></math><img src onerror=alert(3)>`,
];

const hostile = ATTACKS.join("\n\n");

/** The page holds the strings as text only. */
async function assertInert(page, visitor) {
  const found = await page.evaluate(() => ({
    ran: window.__xss ?? null,
    scripts: [...document.querySelectorAll("main script, main iframe, main style, main object, main embed")].length,
    handlers: [...document.querySelectorAll("main *")].flatMap((node) =>
      [...node.attributes].filter((attribute) => attribute.name.startsWith("on")).map((attribute) => attribute.name),
    ),
    addresses: [...document.querySelectorAll("main [href], main [src]")]
      .map((node) => node.getAttribute("href") ?? node.getAttribute("src"))
      .filter((address) => /^\s*(javascript|data|vbscript):/i.test(address)),
  }));
  assert.deepEqual(found, { ran: null, scripts: 0, handlers: [], addresses: [] });
  steps.assertCalm(visitor);
}

test("a hostile seed, hostile rows and hostile answers do nothing on any page", async () => {
  const folder = scratch("hostile");
  const seed = join(folder, "seed_data.json");
  writeFileSync(
    seed,
    JSON.stringify({
      domain: ATTACKS[1],
      topics: [ATTACKS[0], ATTACKS[2], "plain"],
      perspectives: [ATTACKS[4], ATTACKS[10]],
      examples: [{ question: ATTACKS[5], answer: hostile }],
      domain_expert_prompt: hostile,
    }),
  );
  const rows = join(folder, "rows.jsonl");
  writeFileSync(
    rows,
    ATTACKS.map((text, n) => JSON.stringify({ instruction: `${text} ${n}`, response: hostile, topic: text })).join("\n"),
  );
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await steps.importFile(page, seed);
  await steps.importInto(page, rows);

  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await hub.faults({ path_prefix: "/open/v1/chat", kind: "model", mode: "hostile", times: 0 });
  await steps.draftAll(page, 2);
  await steps.keepAll(page);
  await assertInert(page, visitor);
  await steps.startRun(page);
  await steps.finishRun(page);
  await assertInert(page, visitor);

  await steps.go(page, "Seed");
  await assertInert(page, visitor);
  await steps.go(page, "Review");
  const { total } = await steps.reviewCounts(page);
  assert.ok(total >= ATTACKS.length);
  for (let n = 0; n < total; n += 1) {
    if (!(await page.getByRole("article", { name: "Record" }).isVisible())) break;
    await assertInert(page, visitor);
    if (n === 0) {
      await page.keyboard.press("e");
      await page.getByRole("textbox", { name: "Edit the answer" }).fill(`${hostile} <b onclick=alert(1)>`);
      await assertInert(page, visitor);
      await page.keyboard.press("Control+Enter");
    } else {
      await page.keyboard.press("ArrowRight");
    }
  }
  await steps.signInWithToken(page, hub.token);
  await steps.createRepo(page, "hostile");
  await assertInert(page, visitor);
  await steps.commit(page);
  await page.goto(hub.app);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await assertInert(page, visitor);
  await visitor.leave();
});
