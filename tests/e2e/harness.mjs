// What every journey needs: a local Hub with the site, a browser with a profile of its own, and Python.
//
// Nothing here waits for a fixed time: `waitFor` asks until something holds, or says what it saw last.

import { spawn, execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const setting = (name, fallback) => process.env[name] || join(ROOT, fallback);
export const SITE = setting("SEEDBED_SITE", "dist");
const HUB_LOCAL = setting("SEEDBED_HUB_LOCAL", "target/debug/seedbed-hub-local");
const PYTHON = setting("SEEDBED_PYTHON", ".venv/bin/python");
const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
/** Served below a path, as on many static hosts. */
export const SUB_PATH = "/spaces/demo/";
export const RESULTS = join(ROOT, "test-results");
mkdirSync(RESULTS, { recursive: true });

/** Long enough for two busy cores; nothing that works comes near it. */
const PATIENCE = Number(process.env.SEEDBED_PATIENCE_MS || 60_000);

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Otherwise a page that is not in front is slowed down.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
];

/** The flag that gives a page WebGPU on a machine without a graphics card. */
export const WEBGPU = "--enable-unsafe-webgpu";

export function scratch(name) {
  return mkdtempSync(join(tmpdir(), `seedbed-${name}-`));
}

/** Asks `look` until it gives something true. */
export async function waitFor(what, look, patience = PATIENCE) {
  const end = Date.now() + patience;
  let last;
  while (Date.now() < end) {
    last = await look();
    if (last) return last;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`waited in vain for: ${what} (last: ${JSON.stringify(last)})`);
}

/** A running local Hub that also serves the site. */
export class Hub {
  static async start(...flags) {
    const hub = new Hub();
    hub.site = SITE;
    return hub.#begin(flags);
  }

  /**
   * The same with a script of ours in front of the backend worker's: how a browser is made to refuse or to fill up.
   * (Interception by the browser's tools holds up what a worker fetches.)
   */
  static withWorker(script, ...flags) {
    return Hub.withWorkers({ worker: script }, ...flags);
  }

  /** The same for several workers: `{ name: script }`. */
  static async withWorkers(scripts, ...flags) {
    const hub = new Hub();
    hub.site = scratch("site");
    hub.isCopy = true;
    cpSync(SITE, hub.site, { recursive: true });
    for (const [name, script] of Object.entries(scripts)) {
      const loader = join(hub.site, `${name}_loader.js`);
      writeFileSync(loader, script + readFileSync(loader, "utf8"));
    }
    return hub.#begin(flags);
  }

  async #begin(flags) {
    const hub = this;
    hub.dir = scratch("hub");
    hub.flags = flags.length > 0 ? flags : ["--scripted-model"];
    await hub.#spawn([]);
    return hub;
  }

  async #spawn(ports) {
    const site = ["--app", this.site, "--app-path", SUB_PATH];
    this.process = spawn(HUB_LOCAL, ["--dir", this.dir, ...site, ...this.flags, ...ports], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface(this.process.stdout)) {
      const { hub: url, storage, app, token, user } = JSON.parse(line);
      Object.assign(this, { url, storage, app, token, user });
      return;
    }
    throw new Error("the local Hub did not start");
  }

  /** `times` requests that fit go wrong in the way `order` says; see crates/hub-local/README.md. */
  async faults(...orders) {
    await this.local("POST", "faults", orders);
  }

  async clearFaults() {
    await this.local("DELETE", "faults");
  }

  /** Requests so far whose path begins so. */
  async log(path = "/") {
    const answer = await this.local("GET", `log?path=${encodeURIComponent(path)}`);
    return answer.requests ?? answer;
  }

  async addUser(name, token, role = "write", orgs = []) {
    await this.local("POST", "users", { name, token, role, orgs });
  }

  async local(method, what, body) {
    const response = await fetch(`${this.url}/__local/${what}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? {} : { "content-type": "application/json" },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /__local/${what}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Asks the Hub's own API as its user. */
  async api(path, options = {}) {
    const response = await fetch(`${this.url}${path}`, {
      ...options,
      headers: { authorization: `Bearer ${this.token}`, ...options.headers },
    });
    return response;
  }

  async stop() {
    this.process.kill();
    rmSync(this.dir, { recursive: true, force: true });
    if (this.isCopy) rmSync(this.site, { recursive: true, force: true });
  }
}

/**
 * A browser with a profile folder of its own; OPFS lives in it. Everything a page should never do is collected in
 * `problems`: uncaught errors, dialogs that scripts opened, breaches of the content security policy.
 */
export class Visitor {
  constructor(context, profile) {
    this.context = context;
    this.profile = profile;
    this.problems = [];
    this.console = [];
    context.setDefaultTimeout(PATIENCE);
  }

  /** A new visitor with an empty profile. `options` go to Playwright's context. */
  static async arrive(options = {}, flags = []) {
    const profile = scratch("profile");
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      // WebGPU on the processor needs the browser's GPU process.
      args: [...QUIET.filter((flag) => flag !== "--disable-gpu" || !flags.includes(WEBGPU)), ...flags],
      viewport: { width: 1280, height: 800 },
      // The site's own page may be opened by scripts only under its policy; rules for accessibility need around it.
      ...options,
    });
    const visitor = new Visitor(context, profile);
    visitor.isOwned = true;
    await visitor.#watch();
    return visitor;
  }

  async #watch() {
    await this.context.exposeBinding("__problem", (_, text) => this.problems.push(text));
    await this.context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) =>
        window.__problem?.(`policy: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    const look = (page) => {
      page.on("pageerror", (error) => this.problems.push(`error: ${error.message}`));
      page.on("dialog", (dialog) => {
        this.problems.push(`dialog: ${dialog.message()}`);
        dialog.dismiss().catch(() => {});
      });
      page.on("console", (message) => {
        this.console.push(`${message.type()}: ${message.text()}`);
        if (/panicked at|Refused to|RuntimeError/.test(message.text())) {
          this.problems.push(`console: ${message.text()}`);
        }
      });
    };
    for (const page of this.context.pages()) look(page);
    this.context.on("page", look);
  }

  /** Opens the app, at a hash route if one is given, and waits until it stands. */
  async open(hub, hash = "") {
    const page = this.context.pages()[0] ?? (await this.context.newPage());
    await page.goto(hub.app + hash);
    await page.getByRole("heading", { level: 1 }).waitFor();
    return page;
  }

  async leave() {
    await this.context.close();
    if (this.isOwned) rmSync(this.profile, { recursive: true, force: true });
  }
}

/** A browser that can be killed as a crash or a power cut would: its own process group, driven from outside. */
export class Mortal {
  static async start(profile) {
    rmSync(join(profile, "DevToolsActivePort"), { force: true });
    const args = [...QUIET, "--headless=new", "--window-size=1280,900", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
    const mortal = new Mortal();
    mortal.process = spawn(CHROMIUM, args, { detached: true, stdio: "ignore" });
    const file = join(profile, "DevToolsActivePort");
    const port = await waitFor("the browser's port", () => {
      const text = existsSync(file) ? readFileSync(file, "utf8") : "";
      return text.includes("\n") && text.split("\n")[0];
    });
    mortal.browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    [mortal.context] = mortal.browser.contexts();
    mortal.context.setDefaultTimeout(PATIENCE);
    [mortal.page] = mortal.context.pages();
    return mortal;
  }

  /** `kill -9` of the browser with all its processes. */
  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((done) => this.process.once("exit", done));
    process.kill(-this.process.pid, "SIGKILL");
    await gone;
    await this.browser.close().catch(() => {});
  }
}

/** Runs a Python program with the pinned clients, pointed at `hub`; its standard output is JSON. */
export async function python(hub, source) {
  const home = scratch("python");
  try {
    const { stdout } = await promisify(execFile)(PYTHON, ["-c", source], {
      maxBuffer: 64 << 20,
      env: {
        ...process.env,
        HF_ENDPOINT: hub.url,
        HF_TOKEN: hub.token,
        HF_HOME: home,
        HF_HUB_DISABLE_XET: "1",
        HF_HUB_DISABLE_TELEMETRY: "1",
      },
    });
    return JSON.parse(stdout);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export async function shot(page, name, options = {}) {
  await page.screenshot({ path: join(RESULTS, `${name}.png`), ...options });
}
