// What the measurements share: programs that are started and ended, a browser, the data of a tenant, medians and tables.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import { join } from "node:path";
import { chromium } from "../end2end/node_modules/@playwright/test/index.mjs";
import { freePort } from "../end2end/support/ports.mjs";

export const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const thousands = (n) => n.toLocaleString("en-US");

const started = [];
/** Ends every program that was started here. */
export function endAll() {
  for (const child of started) child.kill("SIGKILL");
}
process.once("exit", endAll);

/** Starts a program and waits for the line that says where it is ready. */
export async function start(bin, args, env = {}) {
  const child = spawn(bin, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  const url = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${bin} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => line.includes("is ready at") && resolve(line.split(" ").at(-1)));
  });
  return { url, child, end: () => new Promise((resolve) => { child.once("exit", resolve); child.kill("SIGTERM"); }) };
}

export const KEYS = ["bench-key-of-the-portal", "bench-key-of-the-bench"];

/** A simulated tenant with a portal in front of it. */
export async function house({ users, assignments, groups = 400, customRoles = 45, options = {}, rateScale = 20 }) {
  const sim = await start(process.env.QLIK_SIM_BIN, ["--listen", "127.0.0.1:0", "--users", users, "--assignments", assignments, "--groups", groups, "--custom-roles", customRoles, ...KEYS.flatMap((key) => ["--api-key", key])].map(String));
  await control(sim.url, "PUT", "options", { rate_scale: rateScale, ...options });
  const folder = mkdtempSync(join(os.tmpdir(), "quartermaster-bench-"));
  const port = await freePort();
  writeFileSync(join(folder, "Leptos.toml"), `[server]
listen = "127.0.0.1:${port}"
public_url = "http://127.0.0.1:${port}"
[storage]
url = "sqlite://${folder}/bench.db"
[secrets]
master_key_file = "${folder}/key"
[tenants.meridian]
name = "Meridian Foods"
url = "${sim.url}"
rate_scale = ${rateScale}
`);
  const portal = await start(process.env.QUARTERMASTER_BIN, ["serve", "--config", join(folder, "Leptos.toml")]);
  return { sim: sim.url, url: portal.url, database: join(folder, "bench.db"), end: async () => { await portal.end(); await sim.end(); rmSync(folder, { recursive: true, force: true }); } };
}

export async function control(sim, method, path, body) {
  const answer = await fetch(`${sim}/_sim/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  const text = await answer.text();
  return text ? JSON.parse(text) : undefined;
}

export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** Signs a page in. */
export async function connect(page, url) {
  await page.goto(url);
  await page.getByLabel("API key").fill(KEYS[0]);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.waitForURL(/overview/);
}

/** Everything of a list of Qlik's API, page by page. */
export async function pages(sim, path, limit, each = () => {}) {
  let next = `${sim}/api/v1${path}${path.includes("?") ? "&" : "?"}limit=${limit}`;
  const all = [];
  while (next) {
    const answer = await fetch(next, { headers: { authorization: `Bearer ${KEYS[1]}` } });
    if (answer.status === 429) {
      await sleep(Number(answer.headers.get("retry-after") ?? 1) * 1_000);
      continue;
    }
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const page = await answer.json();
    all.push(...page.data);
    each(all.length);
    next = page.links?.next?.href;
  }
  return all;
}

/** Files of a folder in memory, for the other tables. */
export async function serve(files) {
  const type = { html: "text/html", js: "text/javascript", json: "application/json" };
  const server = http.createServer((request, answer) => {
    const name = request.url.slice(1);
    if (!(name in files)) return answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": `${type[name.split(".").at(-1)]}; charset=utf-8` }).end(files[name]);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, end: () => server.close() };
}
