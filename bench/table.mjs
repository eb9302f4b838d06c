// The table of assignments at 100,000 rows beside AG Grid Community and TanStack Table with the same rows and operations:
// interleaved, nine times, at the machine's own speed and slowed down four times; each step's result is checked.
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { browser, connect, house, median, pages, serve, sleep, thousands } from "./lib.mjs";

const REPEATS = Number(process.env.REPEATS ?? 9);
const RATES = [1, 4];
const VIEWPORT = { width: 1600, height: 1000 };
const NEEDLE = "ann";

const peer = (name) => readFileSync(new URL(`peers/${name}`, import.meta.url));
async function bundle(name) {
  const out = await build({ entryPoints: [new URL(`peers/${name}`, import.meta.url).pathname], bundle: true, minify: true, write: false, format: "esm",
    target: "es2022", jsx: "automatic", define: { "process.env.NODE_ENV": '"production"' }, legalComments: "none" });
  return out.outputFiles[0].contents;
}

/** The rows that the portal shows, put together from the API by other means. */
async function rows(sim) {
  const label = { professional: "Professional", analyzer: "Analyzer", fullUser: "Full user", basicUser: "Basic user", insightViewer: "Insight viewer" };
  const people = new Map((await pages(sim, "/users", 100)).map((user) => [user.subject.toLowerCase(), user]));
  const held = await pages(sim, "/licenses/assignments", 100);
  const used = new Map();
  for (const event of await pages(sim, "/licenses/consumption", 200)) {
    if (!(used.get(event.userId) > event.endTime)) used.set(event.userId, event.endTime);
  }
  const row = (subject, user, license) => ({
    id: `${subject.toLowerCase()} ${license?.type ?? ""}`, name: user?.name ?? "", subject, mail: user?.email ?? "", allotment: license ? label[license.type] : "none",
    since: license?.created.slice(0, 10) ?? "", used: user ? used.get(user.id)?.slice(0, 10) ?? "never" : "", status: user?.status ?? "",
    flags: [license?.excess && "excess", license && !user && "orphan"].filter(Boolean).join(", "), groups: user?.assignedGroups?.length ?? 0,
  });
  const holders = new Set(held.map((license) => license.subject.toLowerCase()));
  return [
    ...held.map((license) => row(license.subject, people.get(license.subject.toLowerCase()), license)),
    ...[...people.values()].filter((user) => !holders.has(user.subject.toLowerCase())).map((user) => row(user.subject, user)),
  ];
}

// What each table is driven by.
const PORTAL = {
  scroller: ".live", head: (column) => `.live [role=columnheader].c-${column} a`, filter: "#q", all: ".live .line.top input",
  row: ".live .line:not(.top):not([hidden])", mail: ".c-mail", groups: ".c-groups", nth: (row) => Number(row.getAttribute("aria-rowindex")) - 2, top: ".live .heads",
  shown: () => Number(document.querySelector(".above .result").textContent.split(" ")[0].replace(/\D/g, "")),
  selected: () => Number(document.querySelector(".bar b")?.textContent.replace(/\D/g, "") ?? 0),
  reset: async (page) => page.locator(".live [role=columnheader].c-person a").click(),
};
const AG = {
  scroller: ".ag-grid-viewport", head: (column) => `.ag-header-cell[col-id="${column}"]`, filter: "#filter", all: ".ag-header-select-all input[type=checkbox]",
  row: ".ag-row", mail: '[col-id="mail"]', groups: '[col-id="groups"]', top: ".ag-header",
  shown: () => window.probe.shown(), selected: () => window.probe.selected(),
  reset: async (page) => { await page.locator('.ag-header-cell[col-id="groups"]').click(); await page.locator('.ag-header-cell[col-id="groups"]').click(); },
};
const TANSTACK = {
  scroller: "#scroller", head: (column) => `.head [data-col="${column}"]`, filter: "#filter", all: '.head [data-col="select"] input',
  row: ".body .row", mail: '[data-col="mail"]', groups: '[data-col="groups"]', top: ".head",
  shown: AG.shown, selected: AG.selected,
  reset: async (page) => { await page.locator('.head [data-col="groups"]').click(); await page.locator('.head [data-col="groups"]').click(); },
};

/** In the page: the first row in sight, by what is seen. */
export const IN_PAGE = (kit) => {
  window.firstRow = (column) => {
    const scroller = document.querySelector(kit.scroller);
    const box = scroller.getBoundingClientRect();
    const y = document.querySelector(kit.top).getBoundingClientRect().bottom + 6;
    const row = document.elementFromPoint(box.left + 120, y)?.closest("[role=row]");
    return row?.querySelector(kit[column])?.textContent.trim() ?? "";
  };
  // What is right comes as data: the portal's policy runs no text as code.
  window.isRight = ({ first, shown, selected }) => {
    if (first) return window.firstRow(first[0]) === first[1];
    return shown === undefined ? window.countSelected() === selected : window.countShown() === shown;
  };
  window.events = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) window.events.push({ at: entry.startTime, ms: entry.duration, id: entry.interactionId });
  }).observe({ type: "event", durationThreshold: 16 });
  // Until what is to be seen is seen, from the event on: a table that answers first and sorts later is not the faster one.
  window.untilRight = (check) => {
    window.right = new Promise((resolve) => {
      let from;
      const mark = (event) => { from ??= event.timeStamp; };
      for (const kind of ["pointerdown", "pointerup", "click", "keydown", "input"]) addEventListener(kind, mark, { capture: true });
      const look = () => {
        if (from !== undefined && window.isRight(check)) {
          for (const kind of ["pointerdown", "pointerup", "click", "keydown", "input"]) removeEventListener(kind, mark, { capture: true });
          // The frame that shows it.
          requestAnimationFrame((now) => resolve(now - from));
        } else if (from !== undefined && performance.now() - from > 20_000) resolve(NaN);
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
  };
};

export async function step(page, check, act) {
  await page.evaluate((check) => { window.events.length = 0; window.untilRight(check); }, check);
  await act();
  const right = await page.evaluate(() => window.right);
  if (Number.isNaN(right)) throw new Error(`never right: ${JSON.stringify(check)}`);
  await sleep(60);
  const events = await page.evaluate(() => window.events);
  const painted = Math.max(0, ...events.map((event) => event.ms));
  // Nobody clicks again within a quarter of a second: what a table puts off until then delays nothing.
  await sleep(190);
  // Event Timing tells in steps of 8 ms; rows that came later than its paint count as late as they came.
  return Math.max(painted, Math.round((right - 16) / 8) * 8, 8);
}

/** One round of one table: what each operation took. */
async function round(page, kit, wanted) {
  const took = {};
  const first = (column, text) => ({ first: [column, text] });
  took["sort by mail"] = await step(page, first("mail", wanted.mail), () => page.locator(kit.head("mail")).click());
  took["sort by groups"] = await step(page, first("groups", wanted.groups), () => page.locator(kit.head("groups")).click());
  await kit.reset(page);
  await sleep(150);
  await page.locator(kit.filter).focus();
  const keys = [];
  for (let n = 1; n <= NEEDLE.length; n++) {
    const rows = wanted.filter[n - 1];
    keys.push(await step(page, { shown: rows }, () => page.keyboard.press(NEEDLE[n - 1])));
  }
  took["filter, first key"] = keys[0];
  took["filter, later keys"] = Math.max(...keys.slice(1));
  await page.keyboard.press("Control+a");
  took["filter taken back"] = await step(page, { shown: wanted.rows }, () => page.keyboard.press("Delete"));
  took["select all"] = await step(page, { selected: wanted.rows }, () => page.locator(kit.all).click());
  took["select none"] = await step(page, { selected: 0 }, () => page.locator(kit.all).click());
  return took;
}

/** Scrolls 120 frames of 120 px; frames over 33 ms, and frames in which the middle of the table had no text. */
export async function scroll(page, kit) {
  return page.evaluate(async ([scroller, row]) => {
    const element = document.querySelector(scroller);
    element.scrollTop = 0;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const box = element.getBoundingClientRect();
    const gaps = [];
    let blank = 0, before;
    for (let n = 0; n < 120; n++) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      if (before !== undefined) gaps.push(now - before);
      before = now;
      element.scrollTop += 120;
      const line = document.elementFromPoint(box.left + 120, box.top + box.height / 2)?.closest(row);
      if (n > 0 && !line?.textContent.trim()) blank++;
    }
    element.scrollTop = 0;
    gaps.sort((a, b) => a - b);
    return { late: gaps.filter((gap) => gap > 33.4).length, worst: gaps.at(-1), blank };
  }, [kit.scroller, kit.row]);
}

/** Keeps the memory of the page's program where it can be measured. */
const KEEP_MEMORY = () => {
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.apply(WebAssembly, given);
      const memory = (made.instance ?? made).exports?.memory;
      if (memory) window.programMemory = memory;
      return made;
    };
  }
};

/** JS heap after a collection, and the memory of WASM, in MB. */
async function memory(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  await cdp.detach();
  const wasm = await page.evaluate(() => window.programMemory?.buffer.byteLength ?? 0);
  return { js: usedSize / 1e6, wasm: wasm / 1e6 };
}

export async function table() {
  const at = await house({ users: 100_000, assignments: 100_000 });
  const data = await rows(at.sim);
  const json = JSON.stringify(data);
  const files = await serve({
    "ag.html": peer("ag.html"), "ag.js": await bundle("ag.js"), "tanstack.html": peer("tanstack.html"), "tanstack.js": await bundle("tanstack.jsx"), "data.json": json,
  });
  const chromium = await browser();
  console.error(`${data.length} rows`);
  const open = async (url, kit, ready) => {
    const context = await chromium.newContext({ viewport: VIEWPORT });
    await context.addInitScript(KEEP_MEMORY);
    const page = await context.newPage();
    await ready(page, url);
    await page.evaluate(`(${IN_PAGE})({ scroller: ${JSON.stringify(kit.scroller)}, top: ${JSON.stringify(kit.top)}, mail: ${JSON.stringify(kit.mail)}, groups: ${JSON.stringify(kit.groups)} })`);
    await page.evaluate(`window.countShown = ${kit.shown}; window.countSelected = ${kit.selected};`);
    console.error(`${url} is ready`);
    return { page, kit, cdp: await context.newCDPSession(page) };
  };
  const portal = async (page, url) => {
    await connect(page, url);
    await page.goto(`${url}/t/meridian/assignments`);
    // All rows, and when everybody used Qlik last.
    await page.waitForFunction((rows) => Number(document.querySelector(".above .result")?.textContent.split(" ")[0].replace(/\D/g, "")) === rows && document.querySelector(".live"), data.length, { timeout: 120_000 });
    await page.waitForFunction(() => document.querySelector(".live .line:not(.top) .c-used")?.textContent !== "…", null, { timeout: 120_000 });
  };
  const plain = (file) => async (page, url) => {
    await page.goto(`${url}/${file}`);
    await page.waitForFunction(() => window.ready && document.querySelector(".ag-row, .body .row"), null, { timeout: 60_000 });
  };
  const subjects = {
    "Quartermaster": await open(at.url, PORTAL, portal),
    "Quartermaster, 40 ms away": await open(at.url, PORTAL, async (page, url) => {
      const cdp = await page.context().newCDPSession(page);
      await cdp.send("Network.enable");
      await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 40, downloadThroughput: -1, uploadThroughput: -1 });
      await portal(page, url);
    }),
    "AG Grid 36.2.0": await open(files.url, AG, plain("ag.html")),
    "TanStack 9.3.1": await open(files.url, TANSTACK, plain("tanstack.html")),
  };
  const low = (text) => text.toLowerCase();
  const wanted = {
    rows: data.length,
    // Empty mails come first in the others and last here: each is checked against its own order.
    mail: data.filter((row) => row.mail).map((row) => row.mail).sort((a, b) => (low(a) < low(b) ? -1 : 1))[0],
    groups: String(Math.min(...data.map((row) => row.groups))),
    filter: [...NEEDLE].map((_, n) => data.filter((row) => low(`${row.name}\n${row.subject}\n${row.mail}`).includes(NEEDLE.slice(0, n + 1))).length),
  };
  const others = { ...wanted, mail: data.map((row) => row.mail).sort()[0] };
  const results = {};
  for (let repeat = -1; repeat < REPEATS; repeat++) {
    for (const rate of RATES) {
      for (const [name, subject] of Object.entries(subjects)) {
        await subject.page.bringToFront();
        await subject.cdp.send("Emulation.setCPUThrottlingRate", { rate });
        const took = await round(subject.page, subject.kit, subject.kit === PORTAL ? wanted : others);
        const moved = await scroll(subject.page, subject.kit);
        await subject.cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
        // The first round warms every table up.
        if (repeat >= 0) ((results[rate] ??= {})[name] ??= []).push({ ...took, moved });
        console.error(`repeat ${repeat + 1}, ${rate}x, ${name}: ${JSON.stringify(took)} ${JSON.stringify(moved)}`);
      }
    }
  }
  const used = {};
  for (const [name, subject] of Object.entries(subjects)) used[name] = await memory(subject.page);
  await chromium.close();
  files.end();
  await at.end();
  return text(results, used, data.length);
}

export function text(results, used, rows) {
  const names = Object.keys(used);
  const ours = names.filter((name) => name.startsWith("Quartermaster"));
  const peers = names.filter((name) => !ours.includes(name));
  const goals = { "sort by mail": 64, "sort by groups": 64, "filter, first key": 48, "filter, later keys": 48, "filter taken back": 48, "select all": 24, "select none": 24 };
  const lines = [];
  const missed = [];
  for (const rate of RATES) {
    for (const [what, goal] of Object.entries(goals)) {
      const of = (name) => median(results[rate][name].map((round) => round[what]));
      const limit = rate === 1 ? goal : 200;
      const best = Math.min(...peers.map(of));
      for (const name of ours) {
        if (of(name) > limit) missed.push(`${what} at ${rate}x, ${name}: ${of(name)} ms, goal ${limit}`);
        if (of(name) > best + 8) missed.push(`${what} at ${rate}x, ${name}: ${of(name)} ms, the better peer ${best}`);
      }
      lines.push(`| ${what}, ${rate}x | ${names.map(of).join(" | ")} | ${limit} |`);
    }
  }
  const scrolls = [];
  for (const rate of RATES) {
    const of = (name, which) => results[rate][name].map((round) => round.moved[which]);
    scrolls.push(`| frames over 33 ms of 119, ${rate}x | ${names.map((name) => median(of(name, "late"))).join(" | ")} | 0 |`);
    scrolls.push(`| worst frame, ms, ${rate}x | ${names.map((name) => median(of(name, "worst")).toFixed(0)).join(" | ")} | |`);
    scrolls.push(`| frames with blank rows, ${rate}x | ${names.map((name) => Math.max(...of(name, "blank"))).join(" | ")} | 0 |`);
    for (const name of ours) {
      if (median(of(name, "late")) > 0) missed.push(`scrolling at ${rate}x, ${name}: ${median(of(name, "late"))} frames over 33 ms`);
      if (Math.max(...of(name, "blank")) > 0) missed.push(`scrolling at ${rate}x, ${name}: ${Math.max(...of(name, "blank"))} blank frames`);
    }
  }
  for (const name of ours) if (used[name].js + used[name].wasm > 64) missed.push(`memory, ${name}: ${(used[name].js + used[name].wasm).toFixed(0)} MB`);
  return `## The table at ${thousands(rows)} rows

Chromium, 1600 × 1000, the same rows and operations in each table, one after another ${REPEATS} times in turn after a round to warm up; medians in
milliseconds. A figure is the longest interaction that Event Timing tells (steps of 8 ms), or the time until the right rows were seen where that
was later. 1x is this machine, 4x slowed down by DevTools. The filter types “${NEEDLE}” key by key; later keys is the slower of the two.

| | ${names.join(" | ")} | goal |
|---|${names.map(() => "---").join("|")}|---|
${lines.join("\n")}
${scrolls.join("\n")}
| JS heap + WASM memory, MB | ${names.map((name) => `${used[name].js.toFixed(1)} + ${used[name].wasm.toFixed(1)}`).join(" | ")} | 64 |

Cells that miss a goal, or are slower than the better peer by more than 8 ms: ${missed.length === 0 ? "none" : `\n\n- ${missed.join("\n- ")}`}
`;
}
