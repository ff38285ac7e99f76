// (m) Tables that people bring: a spreadsheet of another code page, columns nobody knows, chats, a table without answers.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Hub, Visitor, scratch, shot, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
before(async () => {
  hub = await Hub.start();
});
after(() => hub.stop());

/** A file with these bytes. */
function file(name, bytes) {
  const path = join(scratch("tables"), name);
  writeFileSync(path, bytes);
  return path;
}

/** Chooses a file on the first page, for a new project. */
async function choose(page, path) {
  await page.getByLabel("Choose a file to import").setInputFiles(path);
}

/** The dialog that asks about a table. */
async function dialog(page) {
  const dialog = page.getByRole("dialog", { name: "Import a table" });
  await dialog.waitFor();
  return dialog;
}

/** Instructions of the first records, in their order. */
async function instructions(page, count) {
  await steps.queue(page, "All records");
  const found = [(await steps.shownRecord(page)).instruction];
  while (found.length < count) {
    await page.keyboard.press("j");
    await waitFor("the next record", async () => (await steps.shownRecord(page)).instruction !== found.at(-1));
    found.push((await steps.shownRecord(page)).instruction);
  }
  return found;
}

test("a spreadsheet in Windows-1252 is asked about, and comes in with its letters", async () => {
  const text = "Frage;Antwort;topic\r\nWie tief sät man Möhren?;Etwa 2 cm – in schweren Böden flacher.;Aussaat\r\n"
    + "Was heißt „überständig“?;So nennt man, was über die Reife hinaus steht.;Begriffe\r\n";
  // The signs of Windows-1252 that Latin-1 has not.
  const signs = { "–": 0x96, "„": 0x84, "“": 0x93 };
  const path = file("moehren.csv", Buffer.from([...text].map((letter) => signs[letter] ?? letter.charCodeAt(0))));
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await choose(page, path);
  const asked = await dialog(page);
  await asked.getByText("Wie tief sät man Möhren?").first().waitFor();
  assert.match(await asked.getByLabel("Read the file as").locator("option:checked").innerText(), /1252/);
  await asked.getByText(/^2 records of 2 rows\.$/).waitFor();
  await shot(page, "table-encoding", { fullPage: true });
  // Another choice shows other letters at once, and this one comes back.
  const names = await asked.getByLabel("Read the file as").locator("option").allInnerTexts();
  const other = names.find((name) => /1251/.test(name));
  await asked.getByLabel("Read the file as").selectOption({ label: other });
  await waitFor("other letters", async () => !(await asked.innerText()).includes("Möhren"));
  await asked.getByLabel("Read the file as").selectOption({ label: names.find((name) => /1252/.test(name)) });
  await asked.getByText("Wie tief sät man Möhren?").first().waitFor();
  await asked.getByRole("button", { name: "Take the rows in" }).click();
  await page.getByRole("heading", { level: 1, name: "Review" }).waitFor();
  await page.getByText(/Imported as rows \(Frage → instruction, Antwort → response, topic → topic\): 2 rows taken in\./).waitFor();
  assert.deepEqual(await instructions(page, 2), ["Wie tief sät man Möhren?", "Was heißt „überständig“?"]);
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("columns that nobody knows are chosen once, with a preview, and known the next time", async () => {
  const rows = ["left,right,extra"];
  for (let n = 1; n <= 30; n += 1) rows.push(`Number ${n} is ${n} in words.,What about the number ${n} of them?,x${n}`);
  const path = file("odd.csv", rows.join("\n"));
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await choose(page, path);
  let asked = await dialog(page);
  // Questions are told by their mark.
  assert.equal(await asked.getByLabel("right", { exact: true }).locator("option:checked").innerText(), "Instruction");
  await asked.getByLabel("right", { exact: true }).selectOption({ label: "Leave out" });
  await asked.getByText("Choose the column that holds what is to be answered.").waitFor();
  await asked.getByLabel("left", { exact: true }).selectOption({ label: "Instruction" });
  await asked.getByLabel("right", { exact: true }).selectOption({ label: "Answer" });
  await asked.getByLabel("extra", { exact: true }).selectOption({ label: "Keep beside the record" });
  await asked.getByLabel("The first").check();
  await asked.getByLabel("How many rows").fill("10");
  await asked.getByLabel("How many rows").press("Tab");
  await asked.getByText(/^10 records of 10 rows\.$/).waitFor();
  await shot(page, "table-columns", { fullPage: true });
  await asked.getByRole("button", { name: "Take the rows in" }).click();
  await page.getByRole("heading", { level: 1, name: "Review" }).waitFor();
  assert.equal((await steps.reviewCounts(page)).total, 10);
  assert.equal((await steps.shownRecord(page)).instruction, "Number 1 is 1 in words.");
  // The same columns again: nothing is asked, all rows come.
  await page.goto(hub.app);
  await choose(page, path);
  await page.getByRole("heading", { level: 1, name: "Review" }).waitFor();
  assert.equal((await steps.reviewCounts(page)).total, 30);
  steps.assertCalm(visitor);
  await visitor.leave();
});

test("a table that gives nothing makes no project, and one without answers gives instructions", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  await choose(page, file("void.csv", "question,answer\n"));
  await page.getByText(/“void\.csv” could not be read: there is no row in it\./).waitFor();
  await choose(page, file("sheet.xlsx", "PK\u0003\u0004 xl/workbook.xml"));
  await page.getByText(/“CSV UTF-8”|as Parquet, JSON lines or CSV/).first().waitFor();
  await choose(page, file("asked.jsonl", '{"instruction":"How deep are peas sown?"}\n{"instruction":"Why so deep?"}\n'));
  await page.getByText(/2 rows without an answer became instructions\./).waitFor();
  await steps.go(page, "Prompts");
  await page.getByText("How deep are peas sown?").first().waitFor();
  steps.assertCalm(visitor);
  await visitor.leave();
});
