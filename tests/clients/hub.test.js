// The official JavaScript client runs its own flows against the local Hub.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  checkRepoAccess, commit, createBranch, createRepo, datasetInfo, deleteFile, deleteRepo, downloadFile, fileDownloadInfo,
  fileExists, listCommits, listDatasets, listFiles, oauthHandleRedirect, oauthLoginUrl, pathsInfo, uploadFile, whoAmI,
} from "@huggingface/hub";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = mkdtempSync(join(tmpdir(), "seedbed-node-"));
const repo = { type: "dataset", name: "local/farming" };
let server;
let hubUrl;
let as; // what every call needs

before(async () => {
  const binary = process.env.SEEDBED_HUB_LOCAL ?? join(root, "target/debug/seedbed-hub-local");
  server = spawn(binary, ["--dir", folder, "--multipart-threshold", "200000", "--multipart-part-size", "100000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: server.stdout });
  const [line] = await new Promise((resolve, reject) => {
    lines.once("line", (text) => resolve([text]));
    server.once("error", reject);
    server.once("exit", () => reject(new Error("the local Hub did not start")));
  });
  const addresses = JSON.parse(line);
  hubUrl = addresses.hub;
  as = { hubUrl, accessToken: addresses.token };
});

after(() => {
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function local(method, path, body) {
  const answer = await fetch(`${hubUrl}/__local/${path}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

beforeEach(async () => {
  await local("POST", "reset");
  await createRepo({ ...as, repo, private: false });
});

const add = (path, content) => ({ operation: "addOrUpdate", path, content: new Blob([content]) });
const put = (operations, more) => commit({ ...as, repo, title: "test", operations, ...more });
const read = async (path, more) => Buffer.from(await (await downloadFile({ ...as, repo, path, ...more })).arrayBuffer());
const hasStatus = (status) => (error) => error.statusCode === status;
async function collect(items) {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

test("whoami names the user and a wrong token is refused", async () => {
  assert.equal((await whoAmI(as)).name, "local");
  await assert.rejects(whoAmI({ hubUrl, accessToken: "hf_wrong" }), hasStatus(401));
});

test("a repository is created once, found and deleted", async () => {
  await assert.rejects(createRepo({ ...as, repo }), hasStatus(409));
  await checkRepoAccess({ ...as, repo });
  assert.deepEqual((await collect(listDatasets({ ...as, search: { owner: "local" } }))).map((found) => found.name), ["local/farming"]);
  const info = await datasetInfo({ ...as, name: repo.name, additionalFields: ["sha"] });
  assert.equal(info.private, false);
  await deleteRepo({ ...as, repo });
  await assert.rejects(checkRepoAccess({ ...as, repo }), hasStatus(404));
});

test("small and empty files are committed, listed and read back", async () => {
  const done = await put([add("data/ä b.jsonl", "wächst\n"), add("empty.parquet", ""), add("plain.txt", "0123456789")]);
  assert.equal(await (await downloadFile({ ...as, repo, path: "data/ä b.jsonl" })).text(), "wächst\n");
  assert.equal((await read("plain.txt")).toString(), "0123456789");
  const files = await collect(listFiles({ ...as, repo, recursive: true }));
  assert.deepEqual(files.map((file) => file.path), [".gitattributes", "data", "data/ä b.jsonl", "empty.parquet", "plain.txt"]);
  const [head] = await collect(listCommits({ ...as, repo, batchSize: 1 }));
  assert.equal(head.oid, done.commit.oid);
  const [info] = await pathsInfo({ ...as, repo, paths: ["data/ä b.jsonl", "missing"] });
  const content = Buffer.from("wächst\n");
  assert.equal(info.oid, createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex"));
});

for (const [kind, size] of [["basic", 120_000], ["multipart", 250_000]]) {
  test(`a large file goes through LFS ${kind} and comes back, whole and in ranges`, async () => {
    const content = randomBytes(size);
    await put([add("data/train.parquet", content)]);
    const file = await downloadFile({ ...as, repo, path: "data/train.parquet" });
    assert.equal(file.size, size);
    assert.ok(Buffer.from(await file.arrayBuffer()).equals(content));
    assert.ok(Buffer.from(await file.slice(1000, 1010).arrayBuffer()).equals(content.subarray(1000, 1010)));
    const info = await fileDownloadInfo({ ...as, repo, path: "data/train.parquet" });
    assert.equal(info.size, size);
    const [{ lfs }] = await pathsInfo({ ...as, repo, paths: ["data/train.parquet"] });
    assert.equal(lfs.oid, createHash("sha256").update(content).digest("hex"));
    const { requests } = await local("GET", "log");
    assert.ok(requests.filter((entry) => entry.origin === "storage").every((entry) => !entry.authorized));
    assert.equal(requests.filter((entry) => entry.path.startsWith("/lfs-part/")).length, kind === "basic" ? 0 : 3);
  });
}

test("a stale parent is refused with 412 and a busy repository with 409", async () => {
  const first = await put([add("a.txt", "1")]);
  await put([add("a.txt", "2")], { parentCommit: first.commit.oid });
  await assert.rejects(put([add("a.txt", "3")], { parentCommit: first.commit.oid }), hasStatus(412));
  await local("POST", "faults", { kind: "busy_commit" });
  await assert.rejects(put([add("a.txt", "4")]), hasStatus(409));
  assert.equal((await read("a.txt")).toString(), "2");
});

test("a pull request leaves main alone and takes further commits", async () => {
  const offered = await put([add("offer.jsonl", "{}\n")], { isPullRequest: true });
  assert.equal(offered.pullRequestUrl, `${hubUrl}/datasets/local/farming/discussions/1`);
  await put([add("more.jsonl", "{}\n")], { branch: "refs/pr/1" });
  assert.equal(await fileExists({ ...as, repo, path: "offer.jsonl" }), false);
  assert.equal(await fileExists({ ...as, repo, path: "more.jsonl", revision: "refs/pr/1" }), true);
});

test("files are deleted, branches made, single files uploaded", async () => {
  await uploadFile({ ...as, repo, file: { path: "a.txt", content: new Blob(["a"]) } });
  await createBranch({ ...as, repo, branch: "draft" });
  await deleteFile({ ...as, repo, path: "a.txt" });
  assert.equal(await fileExists({ ...as, repo, path: "a.txt" }), false);
  assert.equal((await read("a.txt", { revision: "draft" })).toString(), "a");
  assert.equal(await downloadFile({ ...as, repo, path: "a.txt" }), null);
});

test("others see no private repository and may not write to a public one", async () => {
  await local("POST", "users", { name: "anna", token: "hf_anna", role: "write" });
  const anna = { hubUrl, accessToken: "hf_anna" };
  await assert.rejects(commit({ ...anna, repo, title: "x", operations: [add("a.txt", "a")] }), hasStatus(403));
  const secret = { type: "dataset", name: "local/secret" };
  await createRepo({ ...as, repo: secret, private: true });
  await assert.rejects(checkRepoAccess({ ...anna, repo: secret }), hasStatus(404));
  await assert.rejects(checkRepoAccess({ hubUrl, repo: secret }), hasStatus(401));
});

/** What a browser does: opens the consent page and presses a button; gives where the Hub leads it. */
async function consent(url, choice) {
  const page = await (await fetch(url)).text();
  const ticket = /name=ticket value="([0-9a-f]+)"/.exec(page)[1];
  const scopes = [...page.matchAll(/name=scope value="([^"]+)" checked>/g)].map((hit) => hit[1]);
  const form = new URLSearchParams({ ticket, decision: choice.decision });
  for (const scope of scopes.filter((scope) => scope !== choice.without)) form.append("scope", scope);
  const answer = await fetch(`${hubUrl}/oauth/authorize`, { method: "POST", body: form, redirect: "manual" });
  return answer.headers.get("location");
}

async function signIn(choice) {
  const localStorage = {};
  const redirectUrl = "http://127.0.0.1:5173/spaces/demo/";
  const scopes = "openid profile contribute-repos write-repos inference-api";
  const url = await oauthLoginUrl({ hubUrl, clientId: "seedbed-local", redirectUrl, scopes, state: "here", localStorage });
  return { localStorage, redirectedUrl: await consent(url, choice) };
}

test("signing in by OAuth gives a token with the scopes that were granted", async () => {
  const { localStorage, redirectedUrl } = await signIn({ decision: "allow", without: "write-repos" });
  const result = await oauthHandleRedirect({ hubUrl, redirectedUrl, ...localStorage });
  assert.equal(result.userInfo.preferred_username, "local");
  assert.equal(result.state, "here");
  assert.equal(result.scope, "openid profile contribute-repos inference-api");
  assert.match(result.accessToken, /^hf_oauth_/);
  const app = { hubUrl, accessToken: result.accessToken };
  assert.equal((await whoAmI(app)).auth.type, "oauth");
  // It may write to what it made, and to nothing else.
  const own = { type: "dataset", name: "local/made-by-app" };
  await createRepo({ ...app, repo: own });
  await commit({ ...app, repo: own, title: "x", operations: [add("a.txt", "a")] });
  await assert.rejects(commit({ ...app, repo, title: "x", operations: [add("a.txt", "a")] }), hasStatus(403));
  // A code is good once.
  await assert.rejects(oauthHandleRedirect({ hubUrl, redirectedUrl, ...localStorage }), hasStatus(400));
});

test("a denied sign-in and a wrong verifier end without a token", async () => {
  const denied = await signIn({ decision: "deny" });
  await assert.rejects(oauthHandleRedirect({ hubUrl, redirectedUrl: denied.redirectedUrl, ...denied.localStorage }), /access_denied/);
  const stolen = await signIn({ decision: "allow" });
  const wrong = { nonce: stolen.localStorage.nonce, codeVerifier: "x".repeat(72) };
  await assert.rejects(oauthHandleRedirect({ hubUrl, redirectedUrl: stolen.redirectedUrl, ...wrong }), hasStatus(400));
});

test("pages may read answers of the Hub but not its rate limits", async () => {
  const origin = "http://localhost:5173";
  const preflight = await fetch(`${hubUrl}/api/whoami-v2`, {
    method: "OPTIONS",
    headers: { Origin: origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-headers"), "authorization");
  for (const path of ["/api/datasets/local/farming", "/api/datasets/local/none"]) {
    const { headers } = await fetch(hubUrl + path, { headers: { Origin: origin } });
    assert.equal(headers.get("access-control-allow-origin"), origin);
    assert.equal(headers.get("vary"), "Origin");
    assert.ok(headers.get("ratelimit") && headers.get("x-request-id"));
    assert.doesNotMatch(headers.get("access-control-expose-headers"), /ratelimit|retry-after/i);
  }
  const local = await fetch(`${hubUrl}/__local/log`, { headers: { Origin: origin } });
  assert.equal(local.status, 403);
});

test("the storage host refuses tokens and unsigned addresses", async () => {
  await put([add("a.parquet", "PAR1 not text \0")]);
  const first = await fetch(`${hubUrl}/datasets/local/farming/resolve/main/a.parquet`, { redirect: "manual" });
  assert.equal(first.status, 302);
  const signed = first.headers.get("location");
  assert.equal((await fetch(signed)).headers.get("access-control-allow-origin"), "*");
  assert.equal((await fetch(signed, { headers: { Authorization: "Bearer hf_local" } })).status, 400);
  assert.equal((await fetch(signed.replace(/sig=./, "sig=z"))).status, 403);
  assert.equal((await fetch(signed, { headers: { Range: "bytes=99-" } })).headers.get("content-range"), "bytes */15");
  const preflight = (method) =>
    fetch(signed, { method: "OPTIONS", headers: { Origin: "http://localhost:5173", "Access-Control-Request-Method": method } });
  assert.equal((await preflight("GET")).status, 403);
  assert.equal((await preflight("PUT")).status, 204);
});
