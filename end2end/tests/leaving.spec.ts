// Leaving a room while it still waits for something: what was on its way comes to nothing, and no page breaks.
import { expect, hydrated, test } from "../support/test";

for (const [what, status] of [["come", 0], ["are of another reading by now", 205]] as const) {
  test(`a room left before its rows ${what}`, async ({ connected: page, tenant }) => {
    await page.goto("/t/meridian/assignments");
    await hydrated(page);
    await expect(page.locator(".live a.person-link").first()).toBeVisible();
    let answered = 0;
    await page.route(/\/rows\/.*\/(outline|block)/, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await (status === 0 ? route.continue() : route.fulfill({ status, body: "" })).catch(() => {});
      answered += 1;
    });
    // Another reading has other rows.
    await tenant.act({ assign: [{ subject: "FILL\\1", type: "professional" }] });
    const asked = page.waitForRequest(/\/rows\/.*\/block/);
    await page.getByRole("button", { name: "Refresh" }).click();
    await asked;
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Audit" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Audit" })).toBeVisible();
    await expect.poll(() => answered).toBeGreaterThan(0);
    // Longer than the browser waits before it asks again for a reading that was gone.
    await page.waitForTimeout(1_500);
  });
}
