// Risk as a person meets it: the palette never does what takes something away, what is lost is typed first, the decision is in sight.
import { bulk, confirm, expect, hydrated, test } from "../support/test";

test("the palette does not disconnect by Enter", async ({ connected: page }) => {
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("con");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(500);
  await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toHaveCount(0);
  await page.goto("/t/meridian/plans");
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("disconnect");
  await page.keyboard.press("Enter");
  // It goes there, and leaves pressing to the hand.
  await expect(page.getByRole("button", { name: "Disconnect" })).toBeFocused();
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Plans" })).toBeVisible();
});

test("a large loss is typed, whatever the verb; the wrong number is told at the field", async ({ connected: page, tenant, guard, person }) => {
  test.skip(person !== "", "who signs in confirms so large a loss at the provider first: sso.spec.ts");
  const held = (await tenant.state()).assignments.filter((one) => one.type === "professional").length;
  test.skip(held < 60, "the tenant has too few licenses for it");
  await page.goto("/t/meridian/assignments?allotment=professional");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.getByRole("button", { name: /Select all .* matching/ }).click();
  await bulk(page, "Change type…", "analyzer");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  const field = page.locator("label.confirm").getByRole("textbox");
  await expect(field).toBeVisible();
  await expect(field).toBeInViewport();
  await hydrated(page);
  await field.fill("1");
  // Enter goes to the button and does not press it.
  await field.press("Enter");
  await expect(page.getByRole("button", { name: /^Apply/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText(/The number doesn't match/)).toBeVisible();
  await expect(field).toHaveValue("1");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  expect((await tenant.state()).assignments.filter((one) => one.type === "professional")).toHaveLength(held);
  await confirm(page);
  await page.getByRole("button", { name: /^Apply/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
  // The browser itself reports the refusal.
  expect(guard.splice(0).every((line) => line.includes("/api/plans/apply"))).toBe(true);
});

test("the decision of a long plan is in sight without scrolling", async ({ connected: page }) => {
  for (const width of [1600, 390]) {
    await page.setViewportSize({ width, height: width === 1600 ? 1000 : 844 });
    await page.goto("/t/meridian/assignments?license=none");
    await hydrated(page);
    await page.setViewportSize({ width: 1600, height: 1000 });
    await page.locator(".live .line:not(.top) input").first().click();
    await page.getByRole("button", { name: /Select all .* matching/ }).click();
    await bulk(page, "Assign…", "analyzer");
    await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
    await page.setViewportSize({ width, height: width === 1600 ? 1000 : 844 });
    await expect(page.getByRole("button", { name: /^Apply/ })).toBeInViewport();
    await page.setViewportSize({ width: 1600, height: 1000 });
  }
});
