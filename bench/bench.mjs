// Measures a running demo: bytes of a first visit in brotli, and time to first byte at 50 connections, side by side with a static file.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { writeFileSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import { chromium } from "../end2end/node_modules/@playwright/test/index.mjs";

const KEY = "demo-admin-key";
const CONNECTIONS = 50;
const SECONDS = 8;
const ROUNDS = 3;

const demo = spawn(process.env.QUARTERMASTER_BIN, ["demo", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
const url = await new Promise((resolve, reject) => {
  demo.once("exit", () => reject(new Error("the demo ended early")));
  createInterface({ input: demo.stdout }).on("line", (line) => line.includes("Quartermaster is ready at") && resolve(line.split(" ").at(-1)));
});
const base = new URL(url);

function get(path, headers = {}, agent = false) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const request = http.get({ host: base.hostname, port: base.port, path, headers, agent }, (answer) => {
      let first = performance.now() - started, bytes = 0, text = "";
      answer.on("data", (data) => { bytes += data.length; if (bytes < 200_000) text += data; });
      answer.on("end", () => resolve({ status: answer.statusCode, first, bytes, text, headers: answer.headers }));
    });
    request.once("error", reject);
  });
}

async function connect() {
  const body = `tenant=meridian&key=${KEY}&back=`;
  return new Promise((resolve) => {
    const request = http.request({ host: base.hostname, port: base.port, path: "/api/connect/key", method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "content-length": body.length, origin: url, "sec-fetch-site": "same-origin" } },
      (answer) => { answer.resume(); resolve(answer.headers["set-cookie"][0].split(";")[0]); });
    request.end(body);
  });
}

const cookie = await connect();
while (!(await get("/t/meridian/overview", { cookie })).text.includes('role="meter"')) await new Promise((r) => setTimeout(r, 200));

// A first visit in a real browser: what it really fetches, as it comes over the wire (this server sends brotli).
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
async function visit(...paths) {
  const context = await browser.newContext();
  const [name, value] = cookie.split("=");
  await context.addCookies([{ name, value, url }]);
  const page = await context.newPage();
  let parts = {};
  for (const path of paths) {
    await page.goto(`${url}${path}`);
    await page.waitForFunction(() => document.documentElement.hasAttribute("data-ready"));
    parts = await page.evaluate(() => Object.fromEntries([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .filter((entry) => !entry.name.includes("favicon")).map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize])));
  }
  await context.close();
  return parts;
}
const parts = await visit("/t/meridian/overview");
const rooms = await visit("/t/meridian/assignments");
const code = (list) => Object.entries(list).filter(([path]) => path.startsWith("/pkg/")).reduce((sum, [, bytes]) => sum + bytes, 0);
const load = code(parts);
const further = code(rooms) - load;
await browser.close();

// What was not answered with 200, by path and reason: published with the rest.
const failed = new Map();

async function hammer(path) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times = [];
  const end = performance.now() + SECONDS * 1000;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (performance.now() < end) {
      const answer = await get(path, { cookie, "accept-encoding": "identity" }, agent).catch((error) => ({ status: error.code }));
      if (answer.status === 200) times.push(answer.first);
      else failed.set(`${path}: ${answer.status}`, (failed.get(`${path}: ${answer.status}`) ?? 0) + 1);
    }
  }));
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { rate: times.length / SECONDS, p50: at(0.5), p99: at(0.99) };
}

const rows = [];
for (let round = 0; round < ROUNDS; round++) {
  // In turn, so that a change of the machine's speed meets both.
  const file = await hammer("/pkg/quartermaster.css");
  const overview = await hammer("/t/meridian/overview");
  rows.push({ file, overview });
}
demo.kill("SIGTERM");

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const of = (what, which) => median(rows.map((row) => row[what][which]));
const kb = (n) => (n / 1000).toFixed(1);
const ms = (n) => n.toFixed(1);
const goal = load <= 300_000 ? "met" : "missed";
const text = `# Measurements

Made by \`script/bench\` on ${os.cpus().length} cores (${os.cpus()[0].model.trim()}), release build, demo tenant of 12,000 users and 9,000
assignments, ${new Date().toISOString().slice(0, 10)}. The load generator runs on the same cores.

## A first visit

What a browser fetches for the overview, as it comes over the wire.

| part | kB in brotli |
|---|---|
${Object.entries(parts).map(([name, bytes]) => `| ${name} | ${kb(bytes)} |`).join("\n")}
| **script, program and style** | **${kb(load)}** |

The first room opened besides connecting and the overview loads ${kb(further)} kB more, once. Goal: at most 300 kB of script, program and style. **${goal}**.

## Time to first byte at ${CONNECTIONS} connections

Medians of ${ROUNDS} rounds of ${SECONDS} s, in turn with a static file.

| page | answers a second | p50, ms | p99, ms |
|---|---|---|---|
| overview, warm inventory | ${of("overview", "rate").toFixed(0)} | ${ms(of("overview", "p50"))} | ${ms(of("overview", "p99"))} |
| static file | ${of("file", "rate").toFixed(0)} | ${ms(of("file", "p50"))} | ${ms(of("file", "p99"))} |
| ratio | ${(of("overview", "rate") / of("file", "rate")).toFixed(2)} | ${(of("overview", "p50") / of("file", "p50")).toFixed(1)} | ${(of("overview", "p99") / of("file", "p99")).toFixed(1)} |
`;
const lost = [...failed].map(([what, n]) => `${n} × ${what}`).join("; ") || "none";
const whole = `${text}
Requests without an answer of 200: ${lost}.
`;
writeFileSync(new URL("RESULTS.md", import.meta.url), whole);
console.log(whole);
