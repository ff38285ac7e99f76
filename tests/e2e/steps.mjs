// What a person does, in the words of the pages. Everything is found by role and label.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { waitFor } from "./harness.mjs";

export const MODEL = "scripted/farm-hand";

const button = (page, name, exact = true) => page.getByRole("button", { name, exact });

/** Opens the example project from the first page. */
export async function openExample(page) {
  await button(page, "Open the example").click();
  await page.getByRole("heading", { level: 1, name: "Seed" }).waitFor();
}

/** The same by keyboard; `tabTo` presses Tab until something has the focus. */
export async function openExampleByKeyboard(page, tabTo) {
  await tabTo("button", "Open the example");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Seed" }).waitFor();
}

/** Opens the first project of the list on the first page. */
export async function openExisting(page) {
  await page.getByRole("region", { name: "Your projects" }).getByRole("link").first().click();
  await page.getByRole("navigation", { name: "Steps" }).waitFor();
}

/** Begins a project from a file. */
export async function importFile(page, path) {
  await page.getByLabel("Choose a file to import").setInputFiles(path);
  await page.getByRole("navigation", { name: "Steps" }).waitFor();
}

/** Begins a project from a dataset repo. */
export async function openRepo(page, repo) {
  await page.getByLabel("Dataset repo or link").fill(repo);
  await button(page, "Open the repo").click();
  await page.getByRole("navigation", { name: "Steps" }).waitFor();
}

/** Goes to a page of the open project by the navigation. */
export async function go(page, name) {
  await page.getByRole("navigation", { name: "Steps" }).getByRole("link", { name }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

/** Id of the open project, from the address. */
export function projectId(page) {
  return page.url().match(/#\/p\/([^/]+)/)?.[1];
}

/** Chooses an OpenAI-compatible server on the Generate page. */
export async function chooseServer(page, address, model) {
  await go(page, "Generate");
  const side = page.getByRole("complementary", { name: "Model and settings" });
  await side.getByRole("button", { name: /^(Choose a model|Change)$/ }).click();
  const dialog = page.getByRole("dialog", { name: "Choose a model" });
  await dialog.getByRole("radio", { name: /A server you name/ }).check();
  await dialog.getByRole("textbox", { name: "Address" }).fill(address);
  await button(dialog, "List models").click();
  await button(dialog, model).click();
  await button(dialog, "Use this model").click();
  await dialog.waitFor({ state: "hidden" });
}

/** Chooses a model of the router; the account pays. */
export async function chooseRouterModel(page, model) {
  await go(page, "Generate");
  const side = page.getByRole("complementary", { name: "Model and settings" });
  await side.getByRole("button", { name: /^(Choose a model|Change)$/ }).click();
  const dialog = page.getByRole("dialog", { name: "Choose a model" });
  await dialog.getByRole("radio", { name: /Through Hugging Face/ }).check();
  await dialog.getByRole("radio", { name: model }).check();
  await button(dialog, "Use this model").click();
  await dialog.waitFor({ state: "hidden" });
}

/** Opens the choice of models at “In this tab”. */
export async function openThisTab(page) {
  await go(page, "Generate");
  const side = page.getByRole("complementary", { name: "Model and settings" });
  await side.getByRole("button", { name: /^(Choose a model|Change)$/ }).click();
  const dialog = page.getByRole("dialog", { name: "Choose a model" });
  await dialog.getByRole("radio", { name: /In this tab/ }).check();
  return dialog;
}

/** `areMine` answers whether the decisions that were made here signed out are the account's. */
export async function signInWithToken(page, token, { keep = false, areMine = true } = {}) {
  await button(page, "Sign in").first().click();
  const dialog = page.getByRole("dialog", { name: "Hugging Face account" });
  await dialog.waitFor();
  const field = dialog.getByLabel("Access token");
  // Folded away where signing in by the Hub's own page comes first.
  if (!(await field.isVisible())) await dialog.getByText("Use an access token instead").click();
  await field.fill(token);
  if (keep) await dialog.getByLabel(/Keep for this tab/).check();
  await button(dialog, "Sign in with the token").click();
  const claims = dialog.getByRole("group", { name: /^Decisions of / });
  const isAsked = async () => (await claims.count()) > 0;
  await waitFor("the end of signing in", async () => !(await dialog.isVisible()) || (await isAsked()));
  while (await isAsked()) {
    const left = await claims.count();
    await claims.first().getByRole("button", { name: areMine ? /^Yes/ : /^No/ }).click();
    await waitFor("the next question", async () => (await claims.count()) < left);
  }
  if (await dialog.isVisible()) await button(dialog, "Close").last().click();
  await dialog.waitFor({ state: "hidden" });
}

/** Signs in by the Hub's consent page and comes back. */
export async function signInByOauth(page, hub, { more = false } = {}) {
  await button(page, "Sign in").first().click();
  const dialog = page.getByRole("dialog", { name: "Hugging Face account" });
  if (more) await dialog.getByLabel(/Also write to datasets/).check();
  await button(dialog, "Sign in with Hugging Face").click();
  await page.waitForURL(`${hub.url}/oauth/authorize*`);
  await page.getByRole("button", { name: /authori[sz]e|allow/i }).click();
  await page.waitForURL(`${hub.app}**`);
  await button(page, hub.user).first().waitFor();
}

/** Waits until `text` stands in one of the lists of the Seed page. */
export async function seesListItem(page, text) {
  const fields = page.getByRole("listitem").getByRole("textbox");
  await waitFor(`the list item ${text}`, () => fields.evaluateAll((all, text) => all.some((field) => field.value === text), text));
}

/** Takes a file into the open project, on the Seed page. */
export async function importInto(page, path) {
  await go(page, "Seed");
  await button(page, "File").click();
  await page.getByLabel("Import a file").setInputFiles(path);
  await page.getByText(/^Taken in as/).first().waitFor();
}

/** Instructions by state, as the Prompts page says them. */
export async function promptCounts(page) {
  const states = page.getByRole("group", { name: "Show", exact: true }).getByRole("button");
  await states.first().waitFor();
  const texts = await states.allTextContents();
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, digits] = text.match(/^(\w+)\s*([\d,]+)$/) ?? [];
      return [String(name).toLowerCase(), Number(String(digits).replace(/\D/g, ""))];
    }),
  );
}

/** Lets the model draft `perCell` instructions for every cell. */
export async function draftAll(page, perCell, patience) {
  await go(page, "Prompts");
  await page.getByRole("radio", { name: /^(All \d+ cells|The one cell)$/ }).check();
  await page.getByLabel("Instructions per cell").fill(String(perCell));
  await page.getByText(new RegExp(`cells? × ${perCell} = `)).waitFor();
  await page.getByRole("button", { name: /^Draft \d/ }).click();
  const instructions = page.getByRole("region", { name: "Instructions" });
  await waitFor(
    "the drafts",
    async () =>
      (await instructions.getByText(/^(\d+ new instructions? to look at|No new instruction)/).isVisible()) &&
      !(await page.getByRole("progressbar", { name: "Drafting" }).isVisible()),
    patience,
  );
}

/** Keeps everything that is proposed, one window of the list after the other. */
export async function keepAll(page) {
  await go(page, "Prompts");
  const states = page.getByRole("group", { name: "Show", exact: true });
  await states.getByRole("button", { name: /^Proposed/ }).click();
  for (;;) {
    const { proposed } = await promptCounts(page);
    if (proposed === 0) break;
    await page.getByRole("button", { name: /^Keep all \d+ shown$/ }).click();
    await waitFor("the next window", async () => (await promptCounts(page)).proposed < proposed);
  }
  await states.getByRole("button", { name: /^All/ }).click();
}

/** Numbers of the run as the page says them. */
export async function runNumbers(page) {
  const bar = page.getByRole("progressbar", { name: "Answers stored" });
  const text = (await bar.getAttribute("aria-valuetext")) ?? "";
  const [done, planned, failed, flying] = text
    .match(/([\d,. ]+) of ([\d,. ]+) stored, ([\d,. ]+) failed, ([\d,. ]+) under way/)
    ?.slice(1)
    .map((n) => Number(n.replace(/\D/g, ""))) ?? [0, 0, 0, 0];
  return { done, planned, failed, flying };
}

/** Starts a run over everything kept. */
export async function startRun(page) {
  await go(page, "Generate");
  await page.getByRole("button", { name: /^Ask for/ }).click();
  await page.getByRole("progressbar", { name: "Answers stored" }).waitFor();
}

/** Waits until no row of the run is open any more. */
export async function finishRun(page, patience) {
  return waitFor(
    "the end of the run",
    async () => {
      const numbers = await runNumbers(page);
      return numbers.planned > 0 && numbers.flying === 0 && numbers.done + numbers.failed === numbers.planned && numbers;
    },
    patience,
  );
}

/** The record on the review page: its texts as they stand, and its place in the queue. */
export async function shownRecord(page) {
  const record = page.getByRole("article", { name: "Record" });
  const plain = record.getByRole("button", { name: /^Plain text/ });
  if ((await plain.getAttribute("aria-pressed")) !== "true") await plain.click();
  const text = async (name) => record.getByRole("region", { name, exact: true }).locator("p.plain").textContent();
  return { instruction: await text("Instruction"), response: await text("Answer") };
}

/** Presses `key` on the review page and waits until another record stands there. */
export async function decide(page, key) {
  const before = await shownRecord(page);
  await page.keyboard.press(key);
  await waitFor("the next record", async () => {
    if (!(await page.getByRole("article", { name: "Record" }).isVisible())) return true;
    return (await shownRecord(page)).instruction !== before.instruction;
  });
  return before;
}

/** Records by state, as the queues of the Review page say them. */
export async function reviewCounts(page) {
  await go(page, "Review");
  const queues = page.getByRole("group", { name: "Queues" }).locator("button");
  await queues.first().waitFor({ state: "attached" });
  // The numbers come with the first answer of the back end.
  const text = await page.getByRole("progressbar", { name: "Reviewed" }).getAttribute("aria-valuetext");
  assert.ok(text, "the queue says nothing");
  const names = {
    "Waiting for review": "pending",
    Accepted: "accepted",
    Rejected: "rejected",
    Discarded: "discarded",
    Disputed: "disputed",
    "My drafts": "drafts",
    "All records": "total",
  };
  const counts = {};
  for (const line of await queues.allTextContents()) {
    const [, label, digits] = line.trim().match(/^(.*?)\s*([\d,]+)$/) ?? [];
    if (names[label]) counts[names[label]] = Number(digits.replace(/\D/g, ""));
  }
  return counts;
}

/**
 * Rows of a file that the Publish page saves, read from the download. Those that came with the example count as the
 * project's own only with `withExample`.
 */
export async function savedRecords(page, what = "All records", { withExample = false } = {}) {
  await go(page, "Publish");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    button(page, `Save ${what}`).click(),
  ]);
  const stream = await download.createReadStream();
  let text = "";
  for await (const piece of stream) text += piece;
  const rows = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return withExample ? rows : rows.filter((row) => row.provenance?.model !== "written by hand");
}

/** The project as one file. */
export async function saveProject(page) {
  await go(page, "Publish");
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Save Whole project").click()]);
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), "utf8") };
}

/** Chooses a queue on the Review page. */
export async function queue(page, name) {
  await go(page, "Review");
  await page.getByRole("group", { name: "Queues" }).getByRole("button", { name: new RegExp(`^${name}`) }).click();
}

/** Sets a number on the Generate page and waits until it is stored. */
export async function setNumber(page, label, value) {
  await go(page, "Generate");
  const field = page.getByLabel(label);
  if (!(await field.isVisible())) await page.getByText("More settings").click();
  await field.fill(String(value));
  await field.blur();
  await waitFor(`${label} to be ${value}`, async () => (await field.inputValue()) === String(value));
}

/** Creates a repo on the Publish page. */
export async function createRepo(page, name, { isPublic = true, owner } = {}) {
  await go(page, "Publish");
  if (owner) await page.getByLabel("Owner").selectOption(owner);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("radio", { name: isPublic ? /^Public/ : /^Private/ }).check();
  await button(page, "Create the repo").click();
  await page.getByRole("heading", { name: "What will change" }).waitFor();
}

/** Commits what the plan shows and waits for the result. */
export async function commit(page) {
  const result = page.getByRole("region", { name: "Published" });
  // That of an earlier commit may still stand there; it goes when this one begins.
  const told = async () => ((await result.count()) > 0 ? result.innerText() : "");
  const before = await told();
  await button(page, "Commit to the Hub").click();
  await waitFor("the publish", async () => !["", before].includes(await told()));
}

/** Asserts that nothing happened that a page should never do. */
export function assertCalm(visitor) {
  assert.deepEqual(visitor.problems, []);
}
