// What a journey does that lacks something: it fails in capitals, unless SEEDBED_ALLOW_MISSING names what is missing. The twin
// of tests/support/missing.rs.

import assert from "node:assert/strict";

const THINGS = ["adapter", "model", "tokenizers"];
const allowed = (process.env.SEEDBED_ALLOW_MISSING ?? "")
  .split(",")
  .map((name) => name.trim())
  .filter(Boolean);
for (const name of allowed) {
  assert.ok(THINGS.includes(name), `SEEDBED_ALLOW_MISSING names \`${name}\`; it knows ${THINGS.join(", ")}`);
}

/** The real model's file. */
export const MODEL = process.env.SEEDBED_MODEL;

const WITHOUT = "NOT TESTED, FOR WANT OF A MODEL FILE, NAMED BY SEEDBED_MODEL";

/** For `skip` of what needs the real model: false, or the reason where the flag allows to skip it. */
export const skipWithoutModel = !MODEL && allowed.includes("model") && WITHOUT;

/** Fails where there is no model and the flag does not allow that: to be called before whatever needs it. */
export function needModel() {
  assert.ok(MODEL || skipWithoutModel, `${WITHOUT}. \`cargo xtask test e2e\` brings it. SEEDBED_ALLOW_MISSING=model lets such tests be skipped.`);
}
