// A job as those who watch it see it: live in every browser, the same after a reload, and fair to others.
import { bulk, connect, expect, hydrated, test } from "../support/test";
import { free } from "../support/sim";

/** A job of `rows` rows, started from the table. */
async function start(page: import("@playwright/test").Page, rows: number) {
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  const boxes = page.locator(".live .line:not(.top):not([hidden]) input");
  await boxes.first().click();
  await page.locator(".live").evaluate((element, top) => { element.scrollTop = top; }, (rows - 5) * 32);
  await page.locator(`.live [aria-rowindex="${rows + 1}"] input`).click({ modifiers: ["Shift"] });
  await expect(page.getByText(`${rows} selected`)).toBeVisible();
  await bulk(page, "Assign…", "analyzer");
  await page.getByRole("button", { name: `Apply ${rows} changes` }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
}

test("progress is live, in two browsers and after a reload", async ({ connected: page, tenant, browser, portal }) => {
  test.skip(free(await tenant.state(), "analyzer") < 200, "the tenant has too few seats for it");
  await tenant.faults([{ method: "POST", path: "/api/v1/licenses/assignments/actions", times: 9, then: { delay_ms: 1_500 } }]);
  const streams: string[] = [];
  page.on("request", (request) => request.url().includes("/events/") && streams.push(request.url()));
  await start(page, 200);
  await hydrated(page);
  await expect.poll(() => streams.length).toBeGreaterThan(0);
  const other = await (await browser.newContext({ baseURL: portal.url })).newPage();
  await connect(other, tenant);
  await other.goto(page.url());
  for (const watching of [page, other]) {
    await expect(watching.getByText(/^100 done \(of 200\)/)).toBeVisible({ timeout: 15_000 });
  }
  await page.reload();
  await expect(page.getByText(/\(of 200\)/)).toBeVisible();
  for (const watching of [page, other]) {
    await expect(watching.getByText("200 done (of 200)")).toBeVisible({ timeout: 15_000 });
    await expect(watching.getByRole("status").filter({ hasText: "finished" })).toBeVisible();
    await expect(watching.getByRole("button", { name: "Undo 200 changes…" })).toBeVisible();
  }
  await other.context().close();
});

test("a change of one row does not wait for a large job", async ({ connected: page, tenant }) => {
  test.skip(free(await tenant.state(), "analyzer") < 150, "the tenant has too few seats for it");
  await tenant.faults([{ method: "POST", path: "/api/v1/licenses/assignments/actions", times: 1, then: { delay_ms: 3_000 } }]);
  await start(page, 150);
  const job = page.url();
  await page.getByRole("button", { name: "Pause" }).click();
  // What is sent is settled first, and shown.
  await expect(page.getByRole("status").filter({ hasText: /^pausing/ })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /^paused$/ })).toBeVisible();
  await expect(page.getByText("100 done (of 150)")).toBeVisible();
  // Paused, it is nobody's turn; a single edit goes through beside it.
  await page.goto("/t/meridian/assignments?allotment=professional");
  await hydrated(page);
  await page.locator(".live .person-link").first().click();
  await page.getByText("Change license", { exact: true }).click();
  await page.getByRole("button", { name: /^Remove Professional license/ }).click();
  await expect(page.getByText("Remove Professional: Done.")).toBeVisible();
  await page.goto(job);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("150 done (of 150)")).toBeVisible({ timeout: 15_000 });
});
