// The panel beside the table: what is known of a person, a single edit applied at once, its undo, and where the focus goes.
import { expect, filter, hydrated, test } from "../support/test";
import { free, pairs } from "../support/sim";

test("a single edit is applied at once and can be undone", async ({ connected: page, tenant }) => {
  const before = await tenant.state();
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  // By way of the filter, so that the page has changed its address by itself before.
  await (await filter(page, "License type")).getByRole("checkbox", { name: /^Analyzer \d/ }).check();
  await expect(page).toHaveURL(/allotment=analyzer/);
  await page.locator(".live a.person-link").nth(2).click();
  const side = page.getByRole("complementary");
  const name = await side.getByRole("heading", { level: 2 }).textContent();
  await expect(side.getByRole("heading", { level: 2 })).toBeFocused();
  const subject = (await side.locator("dd.mono").first().textContent())!.toLowerCase();

  await side.getByText("Change license", { exact: true }).click();
  await side.getByRole("button", { name: /^Change license to Professional/ }).click();
  await expect(side.getByText("Change type to Professional: Done.")).toBeVisible();
  const held = (state: typeof before) => state.assignments.filter((a) => a.subject.toLowerCase() === subject).map((a) => a.type);
  expect(held(await tenant.state())).toEqual(["professional"]);
  // The table beside it says so too: the person has left this filter.
  await expect(page.locator(".live").getByText(subject, { exact: false })).toHaveCount(0);

  await side.getByRole("button", { name: "Undo" }).click();
  await expect(side.getByText("Undo: Change type to Professional: Done.")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
  await expect(side.getByRole("listitem").filter({ hasText: "change type" })).not.toHaveCount(0);

  await page.keyboard.press("Escape");
  await expect(side).toBeHidden();
  await expect(page).toHaveURL(/allotment=analyzer$/);
  await expect(page.getByRole("link", { name: name!, exact: true }).first()).toBeVisible();
});

test("closing the panel gives the focus back to its row", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  await page.locator(".live a.person-link").nth(4).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("complementary")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("complementary")).toBeHidden();
  await expect(page.locator(".live a.person-link").nth(4)).toBeFocused();
});

test("an edit without a free seat leads to its plan first", async ({ connected: page, tenant }) => {
  const spare = free(await tenant.state(), "professional");
  await tenant.act({ assign: Array.from({ length: spare }, (_, n) => ({ subject: `FILL\\${n}`, type: "professional" })) });
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.locator(".live a.person-link").first().click();
  await page.getByText("Assign license", { exact: true }).click();
  await page.getByRole("button", { name: "Assign Professional, no free seat, opens a plan" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await expect(page.getByText("Professional is 1 seat short.")).toBeVisible();
});

test("an edit that Qlik refuses is not shown as done", async ({ connected: page, tenant }) => {
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  // The last seats go to somebody else after the page was drawn.
  const spare = free(await tenant.state(), "professional");
  await tenant.act({ assign: Array.from({ length: spare }, (_, n) => ({ subject: `FILL\\${n}`, type: "professional" })) });
  const before = pairs(await tenant.state());
  await page.locator(".live a.person-link").first().click();
  await page.getByText("Assign license", { exact: true }).click();
  await page.getByRole("button", { name: /^Assign Professional/ }).click();
  await expect(page.getByText("Assign Professional: Rejected by Qlik.")).toBeVisible();
  await expect(page.getByRole("complementary").getByRole("button", { name: "Undo" })).toHaveCount(0);
  expect(pairs(await tenant.state())).toEqual(before);
});

test("the panel tells the newest days of use", async ({ connected: page }) => {
  // Consumption is read last of all, with what the limits leave over after the tests before.
  test.setTimeout(400_000);
  await page.goto("/t/meridian/assignments?allotment=professional&sort=used");
  await hydrated(page);
  const side = page.getByRole("complementary");
  // Consumption is read in the background.
  await expect(async () => {
    await page.reload();
    await page.locator(".live a.person-link").first().click();
    await expect(side.getByRole("heading", { level: 3, name: "Recent usage" })).toBeVisible();
    await expect(side.getByRole("listitem").filter({ hasText: /^\d{4}-\d{2}-\d{2}.*, \d+ sessions?/ })).not.toHaveCount(0, { timeout: 1_000 });
  }).toPass();
  const days = await side.locator("section", { hasText: "Recent usage" }).getByRole("listitem").allTextContents();
  expect(days.length).toBeLessThanOrEqual(10);
  expect(days).toEqual([...days].sort().reverse());
});

test("the panel walks along the table", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  const names = await page.locator(".live .person-link").evaluateAll((links) => links.slice(0, 12).map((link) => new URL((link as HTMLAnchorElement).href).searchParams.get("person")!));
  const keys = names.map((one) => one.toLowerCase());
  const people = names.filter((one, at) => keys.indexOf(one.toLowerCase()) === at);
  const subject = page.getByRole("complementary").locator("dd.mono").first();
  const is = (one: string) => expect(subject).toHaveText(new RegExp(`^${one.replaceAll("\\", "\\\\")}`, "i"));
  await page.locator(".live .person-link").nth(names.indexOf(people[1])).click();
  await is(people[1]);
  await expect(page.getByRole("complementary").getByRole("heading", { level: 2 })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await is(people[2]);
  await expect(page.getByRole("complementary").getByRole("heading", { level: 2 })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await is(people[1]);
  await page.getByRole("link", { name: "Previous person" }).click();
  await is(people[0]);
  // Nobody is before the first.
  await expect(page.getByRole("link", { name: "Previous person" })).toHaveCount(0);
  await page.keyboard.press("ArrowUp");
  await is(people[0]);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("complementary")).toHaveCount(0);
});
