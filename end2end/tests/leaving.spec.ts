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

test("an answer leads nobody away from where they have gone meanwhile", async ({ connected: page, tenant }) => {
  await page.goto("/t/meridian/assignments?allotment=analyzer");
  await hydrated(page);
  const side = page.getByRole("complementary");
  const people = page.locator(".live a.person-link");
  await page.route("**/api/assignments/edit", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await route.continue().catch(() => {});
  });
  // Somebody else's panel is opened before the answer is there.
  await people.nth(1).click();
  const first = (await side.locator("dd.mono").first().textContent())!.toLowerCase();
  const answered = page.waitForResponse(/assignments\/edit/);
  await side.getByText("Change license", { exact: true }).click();
  await side.getByRole("button", { name: /^Change license to Insight viewer/ }).click();
  await people.nth(4).click();
  const other = page.url();
  await answered;
  await page.waitForTimeout(800);
  expect(page.url()).toBe(other);
  // The table beside it knows all the same: the person has left this filter.
  await expect(page.locator(".live").getByText(first, { exact: false })).toHaveCount(0);
  expect((await tenant.state()).assignments.filter((a) => a.subject.toLowerCase() === first).map((a) => a.type)).toEqual(["insightViewer"]);

  // Another room.
  await people.nth(2).click();
  const again = page.waitForResponse(/assignments\/edit/);
  await side.getByText("Change license", { exact: true }).click();
  await side.getByRole("button", { name: /^Change license to Insight viewer/ }).click();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Groups" }).click();
  await again;
  await page.waitForTimeout(800);
  await expect(page.getByRole("heading", { level: 1, name: "Groups" })).toBeVisible();
});
