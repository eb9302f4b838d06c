// The audit trail: an event a line, filtered by the address, and taken away as it is shown.
import { accessible, bulk, expect, hydrated, test } from "../support/test";

test("a job is one event, its rows are found, and the filter is what is exported", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments?license=none&status=active");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.locator(".live .line:not(.top) input").nth(4).click({ modifiers: ["Shift"] });
  await bulk(page, "Assign…", "analyzer");
  await page.getByRole("button", { name: "Apply 5 changes" }).click();
  await expect(page.getByText("5 done (of 5)")).toBeVisible();
  const job = page.url().split("/").at(-1)!;

  await page.goto("/t/meridian/audit");
  await hydrated(page);
  const trail = page.getByRole("region", { name: "Audit trail" });
  const event = trail.getByRole("row").filter({ hasText: "apply a plan" }).first();
  await expect(event).toContainText("Assign Analyzer");
  await expect(event).toContainText("5 done");
  await accessible(page);
  await event.getByRole("link", { name: "5 rows" }).click();
  await expect(page).toHaveURL(new RegExp(`job=${job}`));
  await expect(trail.getByRole("row").filter({ hasText: "assign" }).filter({ hasNotText: "apply a plan" })).toHaveCount(5);

  // One person's event, by a part of their subject.
  const subject = (await trail.getByRole("row").filter({ hasText: "done" }).first().locator("td.title").textContent())!.trim();
  await page.goto("/t/meridian/audit");
  await hydrated(page);
  await page.getByLabel("Target").fill(subject.toUpperCase());
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/target=/);
  const shown = trail.getByRole("row").filter({ has: page.locator("td") });
  await expect(shown.first()).toContainText(subject);
  const rows = await shown.count();

  const taken = async (name: string) => (await page.request.get((await page.getByRole("link", { name }).getAttribute("href"))!)).text();
  const csv = (await taken("Export CSV")).trim().split("\r\n");
  expect(csv[0]).toBe("No.,Time,Actor,Issuer,Subject,Role,Address,Qlik user,Action,Target,Result,Details,Job,Plan");
  expect(csv.length - 1).toBe(rows);
  const [first, ...lines] = (await taken("Export JSON lines")).trim().split("\n").map((line) => JSON.parse(line));
  expect(first).toEqual({ filtered: true });
  expect(lines.length).toBe(rows);
  const fits = ({ record }) => record.target.name.toLowerCase().includes(subject.toLowerCase()) && record.action === "assign" && record.job === job;
  expect(lines.every(fits)).toBe(true);

  // That it was taken is an event itself.
  await page.goto("/t/meridian/audit?action=export");
  await expect(trail.getByRole("row").filter({ hasText: "export a file" }).first()).toContainText("target=");
  await page.goto("/t/meridian/audit?actor=nobody-of-that-name");
  await expect(page.getByText("No matching events")).toBeVisible();
  expect((await page.request.get("/t/meridian/audit/export?format=xml")).status()).toBe(422);
  await page.context().clearCookies();
  expect((await page.request.get("/t/meridian/audit/export?format=csv", { maxRedirects: 0 })).status()).toBe(303);
});
