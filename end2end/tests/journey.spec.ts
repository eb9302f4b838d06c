// The main job: connect, read the gauges, plan a bulk change, apply it, read the results, undo it.
import { bulk, expect, filter, hydrated, test } from "../support/test";
import { free, pairs } from "../support/sim";

const number = (text: string | null) => Number((text ?? "").replace(/[^0-9-]/g, ""));

test("gauges equal what the tenant says", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  for (const allotment of state.allotments) {
    const gauge = page.locator(`[role=meter][aria-valuenow="${allotment.unitsUsed}"]`).filter({ hasText: number(String(allotment.units)).toLocaleString("en-US") });
    await expect(gauge.first(), allotment.name).toBeVisible();
    const bound = allotment.overage === -1 ? Math.max(allotment.units, allotment.unitsUsed) : allotment.units + (allotment.overage ?? 0);
    await expect(gauge.first()).toHaveAttribute("aria-valuemax", String(Math.max(bound, allotment.unitsUsed)));
  }
  expect(await page.getByRole("meter").count()).toBe(state.allotments.length);
});

test("25 rows: plan, apply, results, gauge moved, undo", async ({ connected: page, tenant }) => {
  await hydrated(page);
  const before = await tenant.state();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Assignments" }).click();
  await (await filter(page, "Has a license")).getByLabel("no", { exact: true }).check();
  await expect(page).toHaveURL(/license=none/);
  await expect(page.getByRole("status").filter({ hasText: "of" }).first()).toBeVisible();
  const rows = page.locator(".live .line:not(.top) input");
  await rows.first().click();
  await rows.nth(24).click({ modifiers: ["Shift"] });
  await expect(page.getByText("25 selected")).toBeVisible();
  await bulk(page, "Assign…", "analyzer");

  await expect(page.getByRole("heading", { level: 1, name: /^Plan .*Assign Analyzer/ })).toBeVisible();
  const analyzer = before.allotments.find((a) => a.name === "analyzer")!;
  const seats = page.getByRole("region", { name: "Seats before and after" });
  await expect(seats).toContainText(`${analyzer.unitsUsed.toLocaleString("en-US")}→${(analyzer.unitsUsed + 25).toLocaleString("en-US")}`);
  expect(pairs(await tenant.state())).toEqual(pairs(before));

  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
  await expect(page.getByText("25 done (of 25)")).toBeVisible();
  await expect(page.getByRole("cell", { name: "done", exact: true })).toHaveCount(25);
  const after = await tenant.state();
  expect(after.assignments.length).toBe(before.assignments.length + 25);

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Overview" }).click();
  await expect(page.locator(`[role=meter][aria-label="Analyzer"]`)).toHaveAttribute("aria-valuenow", String(analyzer.unitsUsed + 25));

  await page.goBack();
  await page.getByRole("button", { name: "Undo 25 changes…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Plan .*Undo/ })).toBeVisible();
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("25 done (of 25)")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
});

/** A plan that gives Professional to the first 25 people without a license, three more than there are seats. */
async function threeShort(page: import("@playwright/test").Page, tenant: import("../support/sim").Sim) {
  const start = await tenant.state();
  const spare = free(start, "professional");
  const holders = start.assignments.filter((a) => a.type === "professional");
  if (spare > 22) await tenant.act({ assign: Array.from({ length: spare - 22 }, (_, n) => ({ subject: `FILL\\${n}`, type: "professional" })) });
  if (spare < 22) await tenant.act({ unassign: holders.slice(0, 22 - spare).map(({ subject, type }) => ({ subject, type })) });
  const before = await tenant.state();
  expect(free(before, "professional")).toBe(22);
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  const rows = page.locator(".live .line:not(.top) input");
  await rows.first().click();
  await rows.nth(24).click({ modifiers: ["Shift"] });
  await bulk(page, "Assign…", "professional");
  await expect(page.getByText("Professional is 3 seats short.")).toBeVisible();
  return before;
}

test("three rows refused for want of seats, the rest undone", async ({ connected: page, tenant }) => {
  await hydrated(page);
  const before = await threeShort(page, tenant);
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("22 done, 3 rejected (of 25)")).toBeVisible();
  await expect(page.getByRole("rowheader", { name: /^3 rejected: LICENSES-011/ })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "22 done" })).toBeVisible();
  await expect(page.getByRole("cell", { name: /LICENSES-011/ })).toHaveCount(3);
  expect(free(await tenant.state(), "professional")).toBe(0);

  await page.getByRole("button", { name: "Undo 22 changes…" }).click();
  await page.getByRole("button", { name: "Apply 22 changes" }).click();
  await expect(page.getByText("22 done (of 22)")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
});

test("a shortage is met by a click: another license, leaving out, taking back first", async ({ connected: page, tenant }) => {
  // Consumption is read last of all, with what the limits leave over after the tests before.
  test.setTimeout(400_000);
  await hydrated(page);
  const before = await threeShort(page, tenant);
  const plan = page.url();
  const fits = async () => {
    await expect(page).not.toHaveURL(plan);
    await expect(page.getByText(/which is unchanged/)).toBeVisible();
    await expect(page.getByText(/seats? short/)).toBeHidden();
  };

  await page.getByRole("button", { name: "Skip 3 people" }).click();
  await fits();
  await page.getByText("3 rows skipped: no free seat").click();
  await expect(page.locator(".who li")).toHaveCount(3);
  await expect(page.getByRole("button", { name: "Apply 22 changes" })).toBeVisible();

  // The plan as it was is still there, with the other ways.
  await page.goto(plan);
  await page.getByRole("button", { name: "Assign Analyzer to 3 people instead" }).click();
  await fits();
  await expect(page.getByRole("heading", { level: 1, name: /Analyzer when out of seats/ })).toBeVisible();
  await expect(page.getByRole("row", { name: "25 assignments" })).toBeVisible();
  await expect(page.getByRole("cell", { name: "Analyzer", exact: true })).toHaveCount(3);

  // Who used Qlik when is read in the background; then those who do not are offered.
  await expect(async () => {
    await page.goto(plan);
    await expect(page.getByRole("button", { name: "Remove 3 Professional first" })).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await expect(page.getByText(/Longest idle first. Excludes anyone who can sign in and used Qlik/)).toBeVisible();
  await page.getByRole("button", { name: "Remove 3 Professional first" }).click();
  await fits();
  await expect(page.getByRole("row", { name: "3 removals" })).toBeVisible();
  await page.getByRole("button", { name: "Apply 28 changes" }).click();
  await expect(page.getByText("28 done (of 28)")).toBeVisible();
  expect(free(await tenant.state(), "professional")).toBe(0);
  await page.getByRole("button", { name: "Undo 28 changes…" }).click();
  await page.getByRole("button", { name: "Apply 28 changes" }).click();
  await expect(page.getByText("28 done (of 28)")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
});

test("a selection survives sort, filter and pages; all matching is a query", async ({ connected: page, tenant }) => {
  await page.goto("/t/meridian/assignments?allotment=analyzer");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.getByRole("link", { name: "Assigned on" }).click();
  await expect(page).toHaveURL(/sort=since/);
  await expect(page.getByText("1 selected")).toBeVisible();
  await page.getByLabel("Search name, subject or email").fill("no such person at all");
  await expect(page.getByText("No matching rows")).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).first().click();
  await page.goto("/t/meridian/assignments?allotment=professional");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.getByRole("button", { name: /Select all .* matching/ }).click();
  const held = (await tenant.state()).assignments.filter((a) => a.type === "professional").length;
  await expect(page.getByText(`${held.toLocaleString("en-US")} selected`)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("toolbar", { name: "Selection" })).toBeHidden();
});

test("typing into the filter keeps the hands where they are", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  const search = page.getByLabel("Search name, subject or email");
  await search.pressSequentially("meridian\\a", { delay: 40 });
  await expect(search).toBeFocused();
  await expect(search).toHaveValue("meridian\\a");
  await expect(page).toHaveURL(/q=meridian%5Ca/);
  await expect(page.locator(".live .line:not(.top)").first()).toContainText(/meridian\\a/i);
});
