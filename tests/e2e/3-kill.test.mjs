// (c) The browser is killed: at random moments of a run, a review and a publish, and while its worker has something else to
// do. Nothing that was painted as done is lost, and nothing that was finished is asked twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { busyKill, kills } from "./kills.mjs";

test("what was decided while the worker had something else to do outlives the browser", async () => {
  const { lost, acts } = await busyKill();
  assert.deepEqual(lost, []);
  assert.equal(acts, 3);
});

test("twenty kills lose nothing that was painted, and ask for no finished row again", async (t) => {
  const seed = Number(process.env.SEEDBED_KILLS_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`seed ${seed}; \`cargo xtask kills --seed ${seed} --count 20\` does it again`);
  const { lost, behind, owed } = await kills({ count: 20, seed });
  assert.deepEqual(lost, []);
  assert.deepEqual(behind, [], "the list of projects says something else than the projects");
  // A test that looked for nothing would find nothing.
  for (const [what, count] of Object.entries(owed)) {
    const least = { acts: 20, rows: 20, drafts: 0, published: 0 };
    assert.ok(count >= least[what], `only ${count} ${what} were looked for`);
  }
});
