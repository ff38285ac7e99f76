// A project that is larger than a commit: everything arrives, in commits of bounded size, and comes back from a file.
// `cargo xtask large` does the same with 200,000 records and measures memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import { check, run } from "./large.mjs";

test("four thousand long records are published in several commits, saved, and read back", async () => {
  const result = await run({ records: 4000 });
  check(result);
  assert.ok(result.committed.length > 1, "one commit would be too large");
});
