// (f) Everyone can use it: no accessibility rule broken on any page in either theme, no page wider than a narrow phone,
// and the whole way by keyboard alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible } from "./access.mjs";
import { Hub, Visitor, shot, waitFor } from "./harness.mjs";
import * as steps from "./steps.mjs";

let hub;
before(async () => {
  hub = await Hub.start("--scripted-model");
});
after(() => hub.stop());

async function assertFits(page, where) {
  // A frame may pass between a new size of the window and the layout for it.
  await waitFor(`${where} to be no wider than the window`, () =>
    page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth),
  );
}

/** A project with answers under review, so that every page has something on it. */
async function filled(visitor) {
  const page = await visitor.open(hub);
  await steps.openExample(page);
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.draftAll(page, 1);
  await steps.keepAll(page);
  await steps.startRun(page);
  await steps.finishRun(page);
  await steps.go(page, "Review");
  await steps.decide(page, "1");
  return page;
}

for (const colorScheme of ["light", "dark"]) {
  test(`every page keeps the accessibility rules and fits a phone, ${colorScheme}`, async (t) => {
    const visitor = await Visitor.arrive({ colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    const page = await filled(visitor);
    const visit = async (name, show) => {
      await t.test(name, async () => {
        await page.setViewportSize({ width: 1280, height: 800 });
        await show();
        await assertAccessible(page, name);
        await shot(page, `${name}-1280-${colorScheme}`);
        await page.setViewportSize({ width: 390, height: 844 });
        await assertAccessible(page, `${name} at 390 px`);
        await shot(page, `${name}-390-${colorScheme}`, { fullPage: true });
        await page.setViewportSize({ width: 320, height: 640 });
        await assertFits(page, name);
      });
    };
    for (const name of ["Seed", "Prompts", "Generate", "Review", "Publish"]) {
      await visit(name.toLowerCase(), async () => {
        await steps.go(page, name);
        // Until its record is there, a page is on its way to what it is.
        if (name === "Review") await page.locator('button.verdict.good[aria-disabled="false"]').waitFor();
      });
    }
    await visit("review-edit", async () => {
      await steps.go(page, "Review");
      await page.getByRole("article", { name: "Record" }).waitFor();
      await page.keyboard.press("e");
      const editor = page.getByRole("textbox", { name: "Edit the answer" });
      await editor.fill(`${await editor.inputValue()} And one more sentence.`);
    });
    await visit("publish-plan", async () => {
      await steps.signInWithToken(page, hub.token);
      await steps.createRepo(page, `looks-${colorScheme}`);
      await page.getByText(/The table will hold/).waitFor();
    });
    await visit("home", async () => {
      await page.goto(hub.app);
      await page.getByRole("heading", { level: 1 }).waitFor();
    });
    steps.assertCalm(visitor);
    await visitor.leave();
  });
}

test("dialogs keep the accessibility rules, hold the focus and give it back", async () => {
  const visitor = await Visitor.arrive({ bypassCSP: true });
  const page = await visitor.open(hub);
  await steps.openExample(page);
  const opener = page.getByRole("button", { name: "Sign in", exact: true }).first();
  await opener.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Hugging Face account" });
  await dialog.waitFor();
  await assertAccessible(page, "sign-in dialog");
  for (let n = 0; n < 30; n += 1) {
    await page.keyboard.press("Tab");
    const isInside = await page.evaluate(
      () => document.activeElement === document.body || document.activeElement.closest("dialog") !== null,
    );
    assert.ok(isInside, "the focus left the dialog");
  }
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await waitFor("the focus to come back", () => opener.evaluate((node) => node === document.activeElement));
  await steps.go(page, "Generate");
  await page.getByRole("button", { name: /^(Choose a model|Change)$/ }).first().click();
  await page.getByRole("dialog", { name: "Choose a model" }).waitFor();
  await assertAccessible(page, "model dialog");
  await visitor.leave();
});

test("from the first page to a decision by keyboard alone, with the focus always in sight", async () => {
  const visitor = await Visitor.arrive();
  const page = await visitor.open(hub);
  /** Presses Tab until `name` has the focus. */
  const tabTo = async (role, name) => {
    for (let n = 0; n < 120; n += 1) {
      await page.keyboard.press("Tab");
      const focus = await page.evaluate(() => {
        const node = document.activeElement;
        const style = getComputedStyle(node);
        const box = node.getBoundingClientRect();
        return {
          isBody: node === document.body,
          isSeen: box.width > 0 && (style.outlineStyle !== "none" || style.boxShadow !== "none"),
          html: node.outerHTML.slice(0, 200),
        };
      });
      if (!focus.isBody) assert.ok(focus.isSeen, `the focus can't be seen on ${focus.html}`);
      const wanted = page.getByRole(role, { name }).first();
      if ((await wanted.count()) > 0 && (await wanted.evaluate((node) => node === document.activeElement))) return;
    }
    assert.fail(`Tab never reached ${role} ${name}`);
  };
  await steps.openExampleByKeyboard(page, tabTo);
  for (const name of ["Seed", "Prompts", "Generate", "Review"]) {
    await tabTo("link", new RegExp(`^${name}`));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name }).waitFor();
    // A new page begins at its heading.
    await waitFor("the focus on the heading", () =>
      page.evaluate(() => document.activeElement?.tagName === "H1"),
    );
  }
  steps.assertCalm(visitor);
  await visitor.leave();
});
