// What a page has painted, told to the test as it happens, and what of that must outlive the browser.

/** Runs in the page, before the app: tells `__painted` after each frame that has shown something else. */
export function watchPaint() {
  const text = (selector) => document.querySelector(selector)?.textContent.trim() ?? null;
  const look = () => {
    const editor = document.querySelector("textarea.editor");
    const answer = document.querySelector("[aria-labelledby=part-answer]");
    const rows = [...document.querySelectorAll(".items-table tbody tr")].filter((row) =>
      /^(Stored|Flagged)$/.test(row.querySelector(".item-state")?.textContent.trim()),
    );
    return {
      page: text("h1"),
      record: text("[aria-labelledby=part-instruction] p.plain"),
      answer: answer?.querySelector("p.plain")?.textContent ?? null,
      isEdited: Boolean(answer?.querySelector(".mark.edited")),
      marks: text(".record-marks"),
      typed: editor?.value ?? null,
      saved: text("#editor-hint [role=status]") === "Draft saved.",
      said: text(".decide-said"),
      reasons: Boolean(document.querySelector("#discard-first")),
      isAtEnd: Boolean(document.querySelector(".review-place h2")),
      rows: rows.map((row) => row.querySelector(".item-instruction").textContent.trim()),
      published: text("#published-title") === "Published" ? text("#published-title + p") : null,
    };
  };
  let last = "";
  let isDue = false;
  const changed = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      const now = JSON.stringify(look());
      if (now === last) return;
      last = now;
      // The frame is painted before the next task.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.__painted?.(now);
      port2.postMessage(null);
    });
  };
  new MutationObserver(changed).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });
  document.addEventListener("input", changed, true);
}

/** A text that has stood for so long without being told as saved is owed all the same. */
const STANDING_MS = 1_000;

/**
 * What the page has told, and what it owes by that. A person's act is `begin`-ed when its key is pressed, and owed from
 * the frame on that shows it as done; one that no frame has shown may be there or not.
 */
export class Painted {
  constructor() {
    this.state = {};
    /** What each record was decided as, by its instruction; null = undecided. */
    this.decisions = new Map();
    /** What was typed on a record and not decided. */
    this.drafts = new Map();
    /** Instructions whose answer was shown as stored. */
    this.rows = new Set();
    /** Acts of a person that were painted as done. */
    this.acts = 0;
    this.forget();
  }

  /** The browser is another one: what it can take back, and what stands in its fields, begins anew. */
  forget() {
    this.state = {};
    this.act = null;
    this.standing = null;
    this.past = [];
    this.future = [];
    this.published = null;
  }

  of(record) {
    return this.decisions.get(record) ?? null;
  }

  /** A decision on the record that is shown is on its way. */
  begin(to) {
    const { record } = this.state;
    this.act = { kind: "decide", record, from: this.of(record), to };
  }

  /** Undo, or redo, is on its way. */
  beginBack(isRedo) {
    const step = (isRedo ? this.future : this.past).at(-1);
    const to = isRedo ? step.to : step.from;
    this.act = { kind: isRedo ? "redo" : "undo", step, record: step.record, from: this.of(step.record), to };
  }

  hear(json) {
    const state = JSON.parse(json);
    this.state = state;
    for (const row of state.rows) this.rows.add(row);
    if (state.published) this.published = state.published;
    if (state.page !== "Review") return;
    this.#settle(state);
    this.#stand(state);
  }

  #settle(state) {
    const act = this.act;
    if (!act) return;
    const isDone =
      act.kind === "decide"
        ? state.record !== act.record
        : state.record === act.record && state.said?.startsWith(act.kind === "undo" ? "Undone" : "Redone");
    if (!isDone) return;
    this.act = null;
    this.acts += 1;
    this.decisions.set(act.record, act.to);
    this.drafts.delete(act.record);
    if (act.kind === "decide") {
      this.past.push({ record: act.record, from: act.from, to: act.to });
      this.future = [];
    } else {
      const [left, entered] = act.kind === "undo" ? [this.past, this.future] : [this.future, this.past];
      entered.push(left.pop());
    }
  }

  #stand(state) {
    const isMine = /You: |You discarded/.test(state.marks ?? "");
    const text = state.isEdited ? (state.typed ?? state.answer) : null;
    if (this.standing?.record !== state.record || this.standing.text !== text) {
      this.#owe(Date.now());
      this.standing = text === null || isMine || !state.record ? null : { record: state.record, text, since: Date.now() };
    }
    if (this.standing && state.saved) this.drafts.set(this.standing.record, this.standing.text);
  }

  #owe(now) {
    const { standing } = this;
    if (standing && now - standing.since >= STANDING_MS && this.act?.record !== standing.record && this.of(standing.record) === null) {
      this.drafts.set(standing.record, standing.text);
    }
  }

  /** The browser was killed at `when`. */
  end(when) {
    this.#owe(when);
    // A decision on its way takes its draft along.
    if (this.act) this.drafts.delete(this.act.record);
  }
}

/** What the lines of a saved project say: answers by instruction, and what each record was decided as. */
export function readSaved(text) {
  const records = new Map();
  const acts = [];
  for (const line of text.split("\n").filter(Boolean)) {
    const { record, decision } = JSON.parse(line);
    if (record) records.set(record.id, record);
    if (decision) acts.push(decision);
  }
  acts.sort((a, b) => a.clock.ms - b.clock.ms || a.clock.n - b.clock.n);
  const responses = new Map();
  for (const act of acts.filter((act) => act.act === "respond")) {
    const { record } = act.on;
    responses.set(record, [...(responses.get(record) ?? []), { id: act.id, is: decided(act), isActive: true }]);
  }
  for (const act of acts.filter((act) => act.act !== "respond")) {
    for (const response of responses.get(act.on?.record) ?? []) {
      if (response.id === act.target) response.isActive = act.act === "redo";
    }
  }
  const byInstruction = new Map();
  const decisions = new Map();
  for (const [id, record] of records) {
    byInstruction.set(record.fields.instruction, [...(byInstruction.get(record.fields.instruction) ?? []), record]);
    decisions.set(record.fields.instruction, responses.get(id)?.filter((response) => response.isActive).at(-1)?.is ?? null);
  }
  return { records, byInstruction, decisions };
}

function decided({ status, answers = {}, reason }) {
  if (status === "discarded") return discarded(reason);
  return answers.quality === "good" ? good(answers.improved_response) : "bad";
}

export const good = (text) => (text === undefined || text === null ? "good" : `good: ${text}`);
export const discarded = (reason) => `discarded: ${reason}`;
