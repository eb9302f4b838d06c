// The simulated tenant's consumption: how soon a hundred thousand people are there, in how much memory, and how fast their rows are listed.
import { readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { control, KEYS, start, thousands } from "./lib.mjs";

const [USERS, ASSIGNMENTS, DAYS, PAGES] = [100_000, 75_000, 120, 1_500];
const GOALS = { seconds: 3, megabytes: 300, pages: 400 };

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** A page by a connection that stays open. */
function page(url) {
  return new Promise((done, failed) => {
    get(url, { agent, headers: { authorization: `Bearer ${KEYS[0]}` } }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => (answer.statusCode === 200 ? done(JSON.parse(Buffer.concat(parts))) : failed(new Error(`${url}: ${answer.statusCode}`))));
    }).on("error", failed);
  });
}

/** Pages as the links lead, until there are enough: how many a second, and how many rows. */
async function listed(url, most) {
  const begun = performance.now();
  let [read, rows] = [0, 0];
  while (url && read < most) {
    const answer = await page(url);
    [read, rows, url] = [read + 1, rows + answer.data.length, answer.links.next?.href];
  }
  return { rate: read / ((performance.now() - begun) / 1_000), rows };
}

export async function consumption() {
  const begun = performance.now();
  const args = ["--listen", "127.0.0.1:0", "--users", USERS, "--assignments", ASSIGNMENTS, "--groups", 2_000, "--usage-days", DAYS, "--api-key", KEYS[0]];
  const sim = await start(process.env.QLIK_SIM_BIN, args.map(String));
  const ready = (performance.now() - begun) / 1_000;
  try {
    await control(sim.url, "PUT", "options", { rate_limits: false });
    const from = (days) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
    const list = (filter) => `${sim.url}/api/v1/licenses/consumption?limit=200&filter=${encodeURIComponent(`(${filter})`)}`;
    const counted = performance.now();
    await page(`${sim.url}/api/v1/licenses/overview`);
    const overview = (performance.now() - counted) / 1_000;
    const days = [];
    for (const ago of [3, 20, 60]) days.push(await listed(list(`endTime ge "${from(ago)}T00:00:00Z" and endTime lt "${from(ago - 1)}T00:00:00Z"`), PAGES));
    const through = await listed(list(`endTime ge "${from(90)}T00:00:00Z"`), PAGES);
    const memory = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${sim.child.pid}/status`, "utf8"))[1]) / 1_024;
    const slowest = Math.min(through.rate, ...days.map((day) => day.rate));
    return `## The simulated consumption of 100,000 people

${thousands(USERS)} users with ${thousands(ASSIGNMENTS)} licenses, ${DAYS} days; rows listed by one client, 200 a page, one page after another: three days by themselves (${days.map((day) => thousands(day.rows)).join(", ")} rows), and
the last 90 days in one pass (the first ${thousands(through.rows)} rows of it).

| | measured | goal |
|---|---|---|
| ready after | ${ready.toFixed(2)} s | ${GOALS.seconds} s |
| the first overview, which counts the month's capacity | ${overview.toFixed(2)} s | |
| memory at most | ${Math.round(memory)} MB | ${GOALS.megabytes} MB |
| pages a second, the slowest of the four | ${Math.round(slowest)} | ${GOALS.pages} |
`;
  } finally {
    await sim.end();
  }
}
