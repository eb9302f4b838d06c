// The table of all rows: what it shows, by pointer and by keyboard, how it is laid out, and what the address keeps.
import { accessible, bulk, enter, expect, filter, hydrated, test } from "../support/test";
import type { Page } from "@playwright/test";

const lines = (page: Page) => page.locator(".live .line:not(.top):not([hidden])");
const count = (page: Page) => page.locator(".above .result");
const focused = (page: Page) =>
  page.evaluate(() => {
    const cell = document.activeElement!.closest("[role=gridcell], [role=columnheader]");
    const row = cell?.closest("[role=row]");
    return row ? [Number(row.getAttribute("aria-rowindex")), [...row.children].indexOf(cell!)] : [document.activeElement!.getAttribute("role")];
  });

async function open(page: Page, query = "") {
  await page.goto(`/t/meridian/assignments${query}`);
  await hydrated(page);
  await expect(page.locator(".live")).toBeVisible();
}

test("every row is in one scroll, in the order of the server", async ({ connected: page }) => {
  await open(page, "?sort=-since");
  const csv = (await (await page.request.get("/export/meridian/assignments.csv?sort=-since")).text()).trim().split("\n").slice(1);
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", String(csv.length + 1));
  await expect(count(page)).toHaveText(`${csv.length.toLocaleString("en-US")} rows`);
  const seen: string[] = [];
  const scroller = page.locator(".live");
  for (let at = 0; seen.length < csv.length && at < 200; at++) {
    const shown = await lines(page).evaluateAll((rows) => rows.map((row) => [Number(row.getAttribute("aria-rowindex")) - 2, row.querySelector(".person-link")!.textContent! + "|" + row.querySelector(".c-person span")!.textContent!] as const));
    for (const [place, text] of shown) seen[place] ??= text;
    await scroller.evaluate((element) => { element.scrollTop += element.clientHeight - 80; });
    // Until the frame after the one that scrolls: then it is drawn.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  }
  expect(seen.length).toBe(csv.length);
  for (const [place, text] of seen.entries()) {
    const [who, beside] = text.split("|");
    expect(csv[place], `row ${place}`).toContain(who);
    if (beside && beside !== "not a user of this tenant") expect(csv[place]).toContain(beside);
  }
});

test("by keyboard: one tab stop, arrows, pages, ends, and the focus stays with its row", async ({ connected: page }) => {
  await open(page);
  await expect(page.locator(".live [tabindex='0'], .live[tabindex='0']")).toHaveCount(1);
  await lines(page).first().locator("input").focus();
  expect(await focused(page)).toEqual([2, 0]);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toEqual([3, 2]);
  await page.keyboard.press("End");
  expect(await focused(page)).toEqual([3, 8]);
  await page.keyboard.press("Home");
  expect(await focused(page)).toEqual([3, 0]);
  await page.keyboard.press("PageDown");
  const [after] = (await focused(page)) as number[];
  expect(after).toBeGreaterThan(15);
  await page.keyboard.press("Control+End");
  const rows = Number(await page.getByRole("grid").getAttribute("aria-rowcount"));
  expect(await focused(page)).toEqual([rows, 8]);
  await page.keyboard.press("Control+Home");
  expect(await focused(page)).toEqual([2, 0]);
  await page.keyboard.press("ArrowUp");
  expect(await focused(page)).toEqual([1, 0]);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("columnheader", { name: "Person" })).toHaveAttribute("aria-sort", "descending");
  await expect(page).toHaveURL(/sort=-person/);
  // Scrolled away, the focus waits at the grid; an arrow goes on from its row.
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toEqual([2, 1]);
  await page.locator(".live").evaluate((element) => { element.scrollTop = 8_000; });
  await expect.poll(() => focused(page)).toEqual(["grid"]);
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => focused(page)).toEqual([3, 1]);
  await expect(page.locator(".live [tabindex='0'], .live[tabindex='0']")).toHaveCount(1);
});

test("selecting: Space, Shift, Ctrl+A, ranges over sorts and filters", async ({ connected: page }) => {
  await open(page, "?license=any");
  const selected = page.getByRole("toolbar", { name: "Selection" }).getByRole("status");
  await lines(page).first().locator("input").focus();
  await page.keyboard.press("Space");
  await expect(selected).toHaveText("1 selected");
  for (let n = 0; n < 3; n++) await page.keyboard.press("Shift+ArrowDown");
  await expect(selected).toHaveText("4 selected");
  await expect(page.locator(".live [role=row][aria-selected=true]")).toHaveCount(4);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+Space");
  await expect(selected).toHaveText("3 selected");
  await (await filter(page, "License type")).getByRole("checkbox", { name: /^Full user \d/ }).check();
  await expect(selected).toHaveText(/3 selected, [0-3] not shown/);
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(selected).toHaveText("3 selected");
  await lines(page).first().locator("input").focus();
  await page.keyboard.press("Control+A");
  const all = (await count(page).textContent())!.split(" ")[0];
  await expect(selected).toHaveText(`${all} selected`);
  await lines(page).nth(1).locator("input").click();
  await expect(selected).toHaveText(`${(Number(all.replace(",", "")) - 1).toLocaleString("en-US")} selected`);
  await page.keyboard.press("Escape");
  await expect(selected).toBeHidden();
});

test("what is typed into filters is what is shown, and the address says it", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  await open(page);
  await (await filter(page, "Last used")).getByLabel("no use on record").check();
  await expect(page).toHaveURL(/used=never/);
  const holders = new Set(state.users.map((user) => user.subject.toLowerCase()));
  await (await filter(page, "Last used")).getByLabel("any", { exact: true }).check();
  await (await filter(page, "Flags")).getByLabel("Orphaned (not a user here)").selectOption("yes");
  const orphans = state.assignments.filter((row) => !holders.has(row.subject.toLowerCase())).length;
  await expect(count(page)).toContainText(`${orphans} of`);
  await page.getByRole("link", { name: "Remove filter Flags: orphaned" }).click();
  const assigned = await filter(page, "Assigned on");
  await assigned.getByLabel("on or after").fill("2025-01-01");
  await assigned.getByLabel("on or before").fill("2025-12-31");
  const given = state.assignments.filter((row) => row.created.startsWith("2025")).length;
  await expect(count(page)).toContainText(`${given} of`);
  await expect(page.getByText("Assigned on: 2025-01-01 to 2025-12-31")).toBeVisible();
  await expect(page).toHaveURL(/from=2025-01-01&to=2025-12-31/);
  // The same address elsewhere shows the same.
  const other = await page.context().newPage();
  await other.goto(page.url());
  await hydrated(other);
  await expect(count(other)).toContainText(`${given} of`);
  await other.close();
});

test("sorting by several columns, and back by the browser", async ({ connected: page }) => {
  await open(page);
  await page.getByRole("link", { name: "License", exact: true }).click();
  // Two clicks within a moment are one step to go back; these are two.
  await expect(page).toHaveURL(/sort=allotment$/);
  await page.getByRole("link", { name: "Assigned on" }).click({ modifiers: ["Shift"] });
  await expect(page).toHaveURL(/sort=allotment%2Csince/);
  await expect(page.getByRole("columnheader", { name: "License" })).toHaveAttribute("aria-sort", "ascending");
  await page.goBack();
  await expect(page).toHaveURL(/sort=allotment$/);
  await expect(page.getByRole("link", { name: "License", exact: true })).toContainText("↑");
  await page.goBack();
  await expect(page.getByRole("columnheader", { name: "Person" })).toHaveAttribute("aria-sort", "ascending");
});

test("back and forward show the part that was seen", async ({ connected: page }) => {
  await open(page);
  await page.locator(".live").evaluate((element) => { element.scrollTop = 10_656; });
  await expect.poll(async () => (await lines(page).first().getAttribute("aria-rowindex")) !== "2").toBe(true);
  const seen = () => page.locator(".live").evaluate((element) => element.scrollTop);
  const row = page.locator(".live [aria-rowindex='340'] .person-link");
  await row.focus();
  const text = await row.textContent();
  // To another room and back, without and with a new page.
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Groups" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Groups" })).toBeVisible();
  await page.goBack();
  await hydrated(page);
  await expect.poll(seen).toBe(10_656);
  await expect(page.locator(".live [aria-rowindex='340'] .person-link")).toHaveText(text!);
  await page.reload();
  await hydrated(page);
  await expect.poll(seen).toBe(10_656);
  // Come to by a link, it begins at its start.
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Groups" }).click();
  await page.waitForTimeout(5_200);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Assignments" }).click();
  await hydrated(page);
  await expect(page.locator(".live")).toBeVisible();
  expect(await seen()).toBe(0);
});

test("columns: hidden, moved, resized by keyboard, denser, and as usual again", async ({ connected: page }) => {
  await open(page);
  const heads = () => page.locator(".live [role=columnheader] a").allInnerTexts();
  const usual = (await heads()).map((text) => text.replace(/[ ↑↓]+$/u, ""));
  await page.getByText("Columns", { exact: true }).click();
  await page.getByRole("checkbox", { name: "Email", exact: true }).uncheck();
  await page.getByRole("checkbox", { name: "Roles", exact: true }).check();
  await expect(page).toHaveURL(/cols=/);
  expect((await heads()).map((text) => text.replace(/[ ↑↓]+$/u, ""))).toEqual([...usual.filter((name) => name !== "Email"), "Roles"]);
  await page.getByRole("button", { name: "Move Roles left" }).click();
  expect((await heads()).at(-1)).toBe("Groups");
  await page.getByRole("radio", { name: "Compact" }).check();
  await expect(page.locator(".live.compact")).toBeVisible();
  await accessible(page);
  await page.keyboard.press("Escape");
  const width = () => page.getByRole("columnheader", { name: "License" }).evaluate((element) => element.clientWidth);
  await page.getByRole("link", { name: "License", exact: true }).focus();
  const before = await width();
  for (let n = 0; n < 12; n++) await page.keyboard.press("Shift+ArrowRight");
  await expect.poll(width).toBeGreaterThan(Math.max(before, 250));
  await page.reload();
  await hydrated(page);
  await expect(page.locator(".live.compact")).toBeVisible();
  await expect.poll(width).toBeGreaterThan(250);
  await page.getByText("Columns", { exact: true }).click();
  await page.getByRole("button", { name: "Reset to defaults" }).click();
  await expect(page).not.toHaveURL(/cols=/);
  expect((await heads()).map((text) => text.replace(/[ ↑↓]+$/u, ""))).toEqual(usual);
});

test("a view gets a name, is there in another browser, and goes again", async ({ connected: page }) => {
  await open(page, "?flag=orphan&sort=-since");
  await page.getByText("Views", { exact: true }).click();
  await page.getByLabel("View name").fill("Licenses of nobody");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("link", { name: "Licenses of nobody" })).toBeVisible();
  await open(page);
  await page.getByText("Views", { exact: true }).click();
  await page.getByRole("link", { name: "Licenses of nobody" }).click();
  await expect(page).toHaveURL(/flag=orphan&sort=-since/);
  await expect(page.getByText("Flags: orphaned")).toBeVisible();
  await page.getByRole("button", { name: "Delete view Licenses of nobody" }).click();
  await expect(page.getByRole("link", { name: "Licenses of nobody" })).toHaveCount(0);
});

test("a selection waits while its plan is looked at", async ({ connected: page }) => {
  await open(page, "?license=none");
  await lines(page).nth(1).locator("input").click();
  await lines(page).nth(6).locator("input").click({ modifiers: ["Shift"] });
  await bulk(page, "Assign…", "analyzer");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await page.goBack();
  await hydrated(page);
  await expect(page.getByText("6 selected")).toBeVisible();
  // Applied, it is over.
  await bulk(page, "Assign…", "analyzer");
  await page.getByRole("button", { name: "Apply 6 changes" }).click();
  await expect(page.getByText("6 done (of 6)")).toBeVisible();
  await open(page, "?license=none");
  await expect(page.getByRole("toolbar", { name: "Selection" })).toBeHidden();
});

test("rows come while the tenant is still being read", async ({ page, tenant }) => {
  await tenant.options({ latency_ms: 500 });
  await enter(page);
  await page.getByLabel("API key").fill("demo-admin-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.waitForURL(/overview/);
  await page.goto("/t/meridian/assignments");
  await expect(page.locator(".line:not(.top)").first()).toBeVisible({ timeout: 3_000 });
  await expect(page.getByText(/^Loading tenant/)).toBeVisible();
  await expect(page.getByText(/^Updated/)).toBeVisible({ timeout: 20_000 });
  await tenant.options({ latency_ms: 0 });
  await hydrated(page);
  const state = await tenant.state();
  await expect.poll(async () => Number((await count(page).textContent())!.replace(/\D/g, ""))).toBeGreaterThan(state.assignments.length);
});
