// A large tenant: how long it takes to read it, to read a list of 100,000 lines, and to give 100,000 licenses within Qlik's limits.
import { browser, control, house, median, pages, sleep, thousands } from "./lib.mjs";

const LATENCY = 20;

/** What a form leads to. */
async function send(at, cookie, path, form, type = "application/x-www-form-urlencoded") {
  const body = form instanceof FormData ? form : new URLSearchParams(form);
  const headers = { cookie, origin: at.url, "sec-fetch-site": "same-origin", accept: "text/html", referer: `${at.url}/t/meridian/overview` };
  const answer = await fetch(at.url + path, { method: "POST", body, redirect: "manual", headers: form instanceof FormData ? headers : { ...headers, "content-type": type } });
  return { to: answer.headers.get("location") ?? "", cookie: answer.headers.get("set-cookie")?.split(";")[0], status: answer.status };
}

/** Reads 100,000 licenses in a browser, beside the same pages read one after another. */
export async function reading() {
  const at = await house({ users: 10_000, assignments: 100_000, options: { latency_ms: LATENCY } });
  const chromium = await browser();
  const rounds = [];
  for (let n = 0; n < 3; n++) {
    const started = performance.now();
    let count = 0;
    await pages(at.sim, "/licenses/assignments", 100, () => count++);
    const alone = performance.now() - started;
    const context = await chromium.newContext();
    const page = await context.newPage();
    // Somebody who wants the table and is not connected yet: the reading starts with the connection.
    await page.goto(`${at.url}/t/meridian/assignments`);
    await page.getByLabel("API key").fill("bench-key-of-the-portal");
    const seen = (await control(at.sim, "GET", "requests?since=0")).at(-1)?.n ?? 0;
    const begun = performance.now();
    await page.getByRole("button", { name: "Connect" }).click();
    await page.locator(".line:not(.top)").first().waitFor();
    const first = performance.now() - begun;
    await page.getByText(/^as of/).waitFor({ timeout: 120_000 });
    const whole = performance.now() - begun;
    const calls = (await control(at.sim, "GET", `requests?since=${seen}`)).filter((request) => request.path.startsWith("/api/v1/licenses/assignments"));
    const span = Date.parse(calls.at(-1).at) - Date.parse(calls[0].at);
    if (calls.some((call) => call.status !== 200)) throw new Error("a page was refused");
    rounds.push({ alone, first, whole, span, count, calls: calls.length });
    console.error(`reading, round ${n + 1}: ${JSON.stringify(rounds.at(-1))}`);
    await context.close();
    // The next round's calls fit into the limits, too.
    await sleep(16_000);
  }
  await chromium.close();
  await at.end();
  const of = (which) => median(rounds.map((round) => round[which]));
  const ratio = of("whole") / of("alone");
  return `## Reading 100,000 licenses

${thousands(of("calls"))} pages, one cursor after another, from a simulated tenant that answers each call after ${LATENCY} ms; medians of 3 rounds, each beside the same
pages read by a plain loop.

| | |
|---|---|
| the pages alone, s | ${(of("alone") / 1000).toFixed(1)} |
| from the click on Connect to all rows in the browser, s | ${(of("whole") / 1000).toFixed(1)} |
| ratio, goal 1.1 | ${ratio.toFixed(2)}, **${ratio <= 1.1 ? "met" : "missed"}** |
| first rows on the screen, s, goal 1 | ${(of("first") / 1000).toFixed(2)}, **${of("first") <= 1000 ? "met" : "missed"}** |
`;
}

/** Gives 100,000 licenses by a list: read, planned and carried out. */
export async function giving() {
  const SCALE = 20;
  const at = await house({ users: 101_000, assignments: 1_000, rateScale: SCALE });
  const { cookie } = await send(at, "", "/api/connect/key", { tenant: "meridian", key: "bench-key-of-the-portal", back: "" });
  const state = await control(at.sim, "GET", "state");
  const held = new Set(state.assignments.map((row) => row.subject.toLowerCase()));
  const people = state.users.filter((user) => !held.has(user.subject.toLowerCase())).slice(0, 100_000);
  const csv = `Subject,Licence\n${people.map((user) => `${user.subject},Basic user`).join("\n")}\n`;
  const form = () => {
    const form = new FormData();
    form.set("purpose", "give");
    form.set("file", new Blob([csv], { type: "text/csv" }), "people.csv");
    return form;
  };
  // The tenant is read before, so that what is timed is the list.
  for (let n = 0; n < 600; n++) {
    const page = await (await fetch(`${at.url}/t/meridian/assignments`, { headers: { cookie } })).text();
    if (page.includes("Updated ")) break;
    await sleep(200);
  }
  const lists = [];
  let list;
  for (let n = 0; n < 3; n++) {
    const started = performance.now();
    list = (await send(at, cookie, "/import/meridian", form())).to;
    const page = await fetch(at.url + list, { headers: { cookie } });
    const text = await page.text();
    lists.push(performance.now() - started);
    if (!text.includes("100,000")) throw new Error(`the list was not read: ${list}`);
  }
  console.error(`a list of 100,000 lines: ${lists.map((ms) => ms.toFixed(0))} ms`);
  const before = (await control(at.sim, "GET", "requests?since=0")).at(-1)?.n ?? 0;
  let started = performance.now();
  const plan = (await send(at, cookie, "/api/lists/plan", { tenant: "meridian", id: list.split("/").at(-1) })).to;
  if (!plan.includes("/plans/")) throw new Error(`no plan: ${plan}`);
  const planned = performance.now() - started;
  started = performance.now();
  const job = (await send(at, cookie, "/api/plans/apply", { tenant: "meridian", id: plan.split("/").at(-1), confirm: String(people.length) })).to;
  if (!job.includes("/jobs/")) throw new Error(`no job: ${job}`);
  const applied = performance.now() - started;
  console.error(`planned in ${planned.toFixed(0)} ms, applied in ${applied.toFixed(0)} ms`);
  for (let n = 0; n < 900; n++) {
    await sleep(250);
    const page = await (await fetch(at.url + job, { headers: { cookie } })).text();
    if (/role="status">\s*finished/.test(page) || page.includes(">finished<")) break;
  }
  const calls = (await control(at.sim, "GET", `requests?since=${before}`)).filter((request) => request.method === "POST" && request.path.includes("/licenses/assignments/actions"));
  const took = Date.parse(calls.at(-1).at) - Date.parse(calls[0].at);
  const effects = calls.flatMap((call) => call.rows).filter((row) => row.changed);
  const once = new Set(effects.map((row) => row.subject.toLowerCase())).size;
  const refused = calls.filter((call) => call.status === 429).length;
  const after = (await control(at.sim, "GET", "state")).assignments.length;
  await at.end();
  // The window takes 500 calls of tier 2, of which a job leaves 20 to people: call n can go when call n - 480 is a window old.
  const window = 300_000 / SCALE;
  const floor = Math.floor((calls.length - 1) / 480) * window;
  const over = took / floor - 1;
  const exact = effects.length === 100_000 && once === 100_000 && after === 101_000;
  return `## 100,000 licenses by one list

A list of 100,000 lines is read, planned and carried out in calls of 100, with the limits of a tenant ${SCALE} times as fast (a window of ${window / 1000} s).
The floor is what the sliding window and the reserve of 20 calls allow: ${calls.length} calls, 480 in a window.

| | |
|---|---|
| the list: uploaded, read, checked against the tenant and shown, ms, goal 2,000 | ${median(lists).toFixed(0)}, **${median(lists) <= 2000 ? "met" : "missed"}** |
| the plan drawn up from a fresh reading, s | ${(planned / 1000).toFixed(1)} |
| applied: read again, journal and audit written, s | ${(applied / 1000).toFixed(1)} |
| from the first call to the last, s | ${(took / 1000).toFixed(2)} |
| the floor, s | ${(floor / 1000).toFixed(2)} |
| over the floor, goal 5 % | ${(over * 100).toFixed(1)} %, **${over <= 0.05 ? "met" : "missed"}** |
| answers of 429 | ${refused} |
| effects in the tenant's log, on as many people | ${thousands(effects.length)} on ${thousands(once)}, **${exact ? "exactly those" : "not those"}** |
`;
}
