// Where keys are held: sessions and grants are listed and taken away, and leaving with jobs under way asks what becomes of them.
import { bulk, connect, expect, hydrated, KEY, test } from "../support/test";
import type { Page } from "@playwright/test";
import type { Sim } from "../support/sim";

/** A job that stays under way: Qlik answers its requests with a pause. */
async function stuckJob(page: Page, tenant: Sim) {
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await bulk(page, "Assign…", "analyzer");
  await expect(page.getByRole("button", { name: "Apply 1 change" })).toBeVisible();
  await tenant.faults([{ method: "POST", path: "/api/v1/licenses/assignments/actions", times: 1, then: { delay_ms: 2500 } }]);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
}

test("a session ended elsewhere is over here at once", async ({ connected: page, tenant, browser, portal }) => {
  const other = await browser.newContext({ baseURL: portal.url });
  const there = await other.newPage();
  await connect(there, tenant, KEY);
  await page.goto("/t/meridian/sessions");
  await hydrated(page);
  const rows = page.getByRole("region", { name: "Sessions" }).getByRole("row").filter({ hasText: "Meridian Foods as License admin" });
  const before = await rows.count();
  await rows.filter({ hasNotText: "this session" }).first().getByRole("button", { name: /^Sign out/ }).click();
  await expect(rows).toHaveCount(before - 1);
  await there.goto("/t/meridian/overview");
  await expect(there).toHaveURL(/\/connect/);
  await other.close();
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Sessions" })).toBeVisible();
});

test("leaving with a job under way asks what becomes of it", async ({ connected: page, tenant }) => {
  await stuckJob(page, tenant);
  const job = page.url();
  await page.getByRole("button", { name: "Disconnect" }).click();
  await expect(page.getByText("1 job of yours still holds a key.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Keys in use by jobs" }).getByRole("row")).toHaveCount(2);
  await page.getByRole("button", { name: "Disconnect and pause jobs" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toBeVisible();
  await connect(page, tenant);
  await page.goto(job);
  await hydrated(page);
  // What was sent is settled before the job rests; with one row there is nothing left to resume then.
  await expect(page.getByText(/revoked its key|1 done \(of 1\)/).first()).toBeVisible({ timeout: 15_000 });
});
