// Numbers agree: every count on a page is walked to the list behind it, on three tenants.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bulk, expect, hydrated, test } from "../support/test";
import { address, start, type Running } from "../support/portal";
import { freePort } from "../support/ports.mjs";
import { Sim, type State } from "../support/sim";
import type { Page } from "@playwright/test";

const number = (text: string) => Number(text.replaceAll(",", ""));
/** The first figure of a sentence. */
const first = (text: string) => number(text.match(/[\d,]*\d/)![0]);
/** How many rows the table says that it shows. */
async function shown(page: Page) {
  await hydrated(page);
  await expect(page.locator(".above .result")).toHaveText(/\d/);
  return first((await page.locator(".above .result").textContent())!);
}

async function walk(page: Page, tenant: string, state: State) {
  await page.goto(`/t/${tenant}/overview`);
  await hydrated(page);
  // “Who has it” leads to those who hold what a figure of seats is about; “Review” to what was counted.
  const attention = await page.locator("ul.attention a.go").filter({ hasText: "Review" }).evaluateAll((links) =>
    links.map((link) => [link.getAttribute("href")!, link.parentElement!.querySelector(":scope > span:not(.dot)")!.textContent!] as const));
  const gauges = await page.getByRole("meter").evaluateAll((meters) =>
    meters.map((meter) => [meter.getAttribute("aria-label")!, Number(meter.getAttribute("aria-valuenow"))] as const));
  let walked = 0;
  for (const [href, text] of attention) {
    if (!href.includes("/assignments?")) continue;
    await page.goto(href);
    // Who used Qlik when comes after the rows.
    await expect.poll(() => shown(page), `${tenant}: “${text}” and what ${href} shows`).toBe(first(text.replace(/^(Problem|Warning): /, "")));
    walked += 1;
  }
  expect(walked, `${tenant}: figures of the overview`).toBeGreaterThan(1);
  for (const allotment of state.allotments.filter((one) => one.usageClass !== "time")) {
    await page.goto(`/t/${tenant}/assignments?allotment=${encodeURIComponent(allotment.name)}`);
    const rows = await shown(page);
    expect(rows, `${tenant}: ${allotment.name}`).toBe(state.assignments.filter((one) => one.type === allotment.name).length);
    expect(gauges.some(([, used]) => used === rows), `${tenant}: a gauge of ${rows} for ${allotment.name}`).toBe(true);
  }
  // A group: how many members its page tells, and who they are.
  await page.goto(`/t/${tenant}/groups`);
  await hydrated(page);
  await expect(page.locator("main .result")).toHaveText(`${state.groups.length.toLocaleString("en")} rows`);
  const groups = await page.locator("main .system a, main .line:not(.top):not([hidden]) .c-name a").evaluateAll((links) =>
    links.map((link) => link.getAttribute("href")!).filter((href) => href.includes("/groups/")).slice(0, 4));
  for (const href of groups) {
    await page.goto(href);
    await hydrated(page);
    const link = page.locator("main a[href*='/assignments?group=']").first();
    if (!(await link.count())) continue;
    const [text, to] = [(await link.textContent())!, (await link.getAttribute("href"))!];
    const csv = await (await page.request.get(`/export/${tenant}/assignments.csv?${to.split("?")[1]}`)).text();
    const people = new Set(csv.trim().split("\r\n").slice(1).map((line) => line.split(",")[0]));
    expect(people.size, `${tenant}: ${href}: “${text}” and who they are`).toBe(first(text));
  }
}

/** A plan, its totals, its rows and its file; then its job and what that says. */
async function plan(page: Page, tenant: string) {
  await page.goto(`/t/${tenant}/assignments?license=none&status=active`);
  await shown(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.locator(".live .line:not(.top) input").nth(11).click({ modifiers: ["Shift"] });
  await bulk(page, "Assign…", "analyzer");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  expect(first((await page.locator("p.summary").textContent())!)).toBe(12);
  const href = (await page.getByRole("link", { name: "Export CSV" }).getAttribute("href"))!;
  expect((await (await page.request.get(href)).text()).trim().split("\r\n").length - 1, `${tenant}: the plan's file`).toBe(12);
  await page.getByRole("button", { name: "Apply 12 changes" }).click();
  await expect(page.getByText("12 done (of 12)")).toBeVisible();
  await expect(page.getByRole("cell", { name: "done", exact: true })).toHaveCount(12);
}

test("every count leads to as many, on three tenants", async ({ browser }) => {
  test.setTimeout(180_000);
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-"));
  const running: Running[] = [];
  try {
    const seeds = ["1", "2", "3"];
    const sims: Sim[] = [];
    for (const seed of seeds) {
      const args = ["--listen", "127.0.0.1:0", "--users", "700", "--assignments", "520", "--groups", "30", "--seed", seed];
      running.push(await start(args, {}, process.env.QLIK_SIM_BIN ?? "qlik-sim"));
      sims.push(new Sim(address(running.at(-1)!.lines[0])));
    }
    const port = await freePort();
    const config = join(folder, "Leptos.toml");
    const tenants = seeds.map((seed, at) => `[tenants.seed${seed}]\nurl = "${sims[at].url}"\n`).join("");
    writeFileSync(config, `[server]\nlisten = "127.0.0.1:${port}"\n[storage]\nurl = "sqlite://${join(folder, "qm.db")}"\n[secrets]\nmaster_key_file = "${join(folder, "qm.key")}"\n${tenants}`);
    running.push(await start(["serve", "--config", config]));
    const page = await (await browser.newContext({ baseURL: `http://127.0.0.1:${port}` })).newPage();
    for (const [at, seed] of seeds.entries()) {
      await page.goto(`/connect?tenant=seed${seed}`);
      await page.getByLabel("API key").fill("demo-admin-key");
      await page.getByRole("button", { name: "Connect" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
      await walk(page, `seed${seed}`, await sims[at].state());
      await plan(page, `seed${seed}`);
    }
  } finally {
    for (const program of running) await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
