// Pictures of every page at the widths of a desk and of a phone, light and dark, for docs/screenshots.
// Usage: cargo xtask screenshots

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Hub, ROOT, Visitor } from "./harness.mjs";
import * as steps from "./steps.mjs";

const OUT = process.env.SEEDBED_SCREENSHOTS ?? join(ROOT, "docs/screenshots");
mkdirSync(OUT, { recursive: true });

for (const colorScheme of ["light", "dark"]) {
  // A hub each, so that both see the same.
  const hub = await Hub.start("--scripted-model");
  const visitor = await Visitor.arrive({ colorScheme, reducedMotion: "reduce" });
  const page = await visitor.open(hub);
  const take = async (name) => {
    for (const [width, height] of [
      [1280, 800],
      [390, 844],
    ]) {
      await page.setViewportSize({ width, height });
      await page.mouse.move(0, 0);
      await page.evaluate(() => {
        scrollTo(0, 0);
        document.activeElement?.blur();
      });
      await page.locator(".toast").first().waitFor({ state: "detached" });
      await page.waitForTimeout(250);
      await page.screenshot({ path: join(OUT, `${name}-${width}-${colorScheme}.png`) });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  };
  await take("home");
  await steps.openExample(page);
  await take("seed");
  await steps.chooseServer(page, `${hub.url}/open/v1`, steps.MODEL);
  await steps.draftAll(page, 1);
  await take("prompts");
  await steps.keepAll(page);
  await steps.startRun(page);
  await steps.finishRun(page);
  await take("generate");
  await steps.go(page, "Review");
  await page.getByRole("article", { name: "Record" }).waitFor();
  await take("review");
  await page.keyboard.press("e");
  await page.getByRole("textbox", { name: "Edit the answer" }).press("Control+End");
  await page.keyboard.type(" Ask a neighbour who has kept bees for longer than you.");
  await page.screenshot({ path: join(OUT, `review-edit-1280-${colorScheme}.png`) });
  await page.keyboard.press("Escape");
  for (let n = 0; n < 3; n += 1) await steps.decide(page, "1");
  await steps.signInWithToken(page, hub.token);
  await steps.createRepo(page, "beekeeping");
  await take("publish");
  await page.goto(hub.app);
  await page.getByRole("region", { name: "Your projects" }).waitFor();
  await take("home-projects");
  await visitor.leave();
  await hub.stop();
}
