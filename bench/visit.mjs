// A first visit: its bytes in brotli, and time to first byte at 50 connections, side by side with a static file.
import http from "node:http";
import { browser, median, sleep, start } from "./lib.mjs";

const KEY = "demo-admin-key";
const CONNECTIONS = 50;
const SECONDS = 8;
const ROUNDS = 3;

export async function visit() {
  const demo = await start(process.env.QUARTERMASTER_BIN, ["demo", "--listen", "127.0.0.1:0"]);
  const { url } = demo;
  const base = new URL(url);

  function get(path, headers = {}, agent = false) {
    return new Promise((resolve, reject) => {
      const started = performance.now();
      const request = http.get({ host: base.hostname, port: base.port, path, headers, agent }, (answer) => {
        let first = performance.now() - started, text = "";
        answer.on("data", (data) => { if (text.length < 200_000) text += data; });
        answer.on("end", () => resolve({ status: answer.statusCode, first, text }));
      });
      request.once("error", reject);
    });
  }

  const connected = await fetch(`${url}/api/connect/key`, { method: "POST", redirect: "manual", body: new URLSearchParams({ tenant: "meridian", key: KEY, back: "" }),
    headers: { origin: url, "sec-fetch-site": "same-origin", accept: "text/html" } });
  const cookie = connected.headers.get("set-cookie").split(";")[0];
  while (!(await get("/t/meridian/overview", { cookie })).text.includes('role="meter"')) await sleep(200);

  // In a real browser: what it really fetches, as it comes over the wire (this server sends brotli).
  const chromium = await browser();
  async function fetched(path) {
    const context = await chromium.newContext();
    const [name, value] = cookie.split("=");
    await context.addCookies([{ name, value, url }]);
    const page = await context.newPage();
    await page.goto(url + path);
    await page.waitForFunction(() => document.documentElement.hasAttribute("data-ready"));
    const parts = await page.evaluate(() => Object.fromEntries([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map((entry) => [new URL(entry.name).pathname, entry.encodedBodySize]).filter(([path]) => path.startsWith("/pkg/") || path.startsWith("/t/"))));
    await context.close();
    return parts;
  }
  const parts = await fetched("/t/meridian/overview");
  const rooms = await fetched("/t/meridian/assignments");
  const code = (list) => Object.entries(list).filter(([path]) => path.startsWith("/pkg/")).reduce((sum, [, bytes]) => sum + bytes, 0);
  const load = code(parts);
  const further = code(rooms) - load;
  await chromium.close();

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
  await demo.end();

  const of = (what, which) => median(rows.map((row) => row[what][which]));
  const kb = (n) => (n / 1000).toFixed(1);
  const ms = (n) => n.toFixed(1);
  const lost = [...failed].map(([what, n]) => `${n} × ${what}`).join("; ") || "none";
  return `## A first visit

What a browser fetches for the overview of the demo tenant (12,000 users, 9,000 assignments), as it comes over the wire.

| part | kB in brotli |
|---|---|
${Object.entries(parts).map(([name, bytes]) => `| ${name} | ${kb(bytes)} |`).join("\n")}
| **script, program and style** | **${kb(load)}** |

The first room opened besides connecting and the overview loads ${kb(further)} kB more, once. Goal: at most 300 kB of script, program and style. **${load <= 300_000 ? "met" : "missed"}**.

At ${CONNECTIONS} connections, the load generator on the same cores; time to first byte, medians of ${ROUNDS} rounds of ${SECONDS} s, in turn with a static file:

| page | answers a second | p50, ms | p99, ms |
|---|---|---|---|
| overview, warm inventory | ${of("overview", "rate").toFixed(0)} | ${ms(of("overview", "p50"))} | ${ms(of("overview", "p99"))} |
| static file | ${of("file", "rate").toFixed(0)} | ${ms(of("file", "p50"))} | ${ms(of("file", "p99"))} |
| ratio | ${(of("overview", "rate") / of("file", "rate")).toFixed(2)} | ${(of("overview", "p50") / of("file", "p50")).toFixed(1)} | ${(of("overview", "p99") / of("file", "p99")).toFixed(1)} |

Requests without an answer of 200: ${lost}.
`;
}
