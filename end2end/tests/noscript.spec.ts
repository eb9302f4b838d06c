// Without JavaScript: reading, filtering, sorting, paging, a single edit and a role edit.
import { test as base, expect } from "../support/test";
import { pairs } from "../support/sim";

const test = base;

test("read, filter, sort, page", async ({ connected: page }) => {
  await expect(page.getByRole("meter").first()).toBeVisible();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Assignments" }).click();
  await page.getByLabel("Allotment").selectOption("analyzer");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/allotment=analyzer/);
  await expect(page.locator("tbody tr").first()).toContainText("Analyzer");
  await page.getByRole("link", { name: "Since" }).click();
  await expect(page.locator("th[aria-sort=ascending]")).toContainText("Since");
  const first = await page.locator("tbody tr").first().textContent();
  await page.getByRole("link", { name: "Next" }).click();
  await expect(page.getByText(/Page 2 of/)).toBeVisible();
  expect(await page.locator("tbody tr").first().textContent()).not.toBe(first);
});

test("a single edit and its undo", async ({ connected: page, tenant }) => {
  const before = await tenant.state();
  await page.goto("/t/meridian/assignments?license=none");
  await page.locator("tbody input[type=checkbox]").first().check();
  await page.getByLabel("License to give").selectOption("analyzer");
  await page.getByRole("button", { name: "Assign…" }).click();
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("1 of 1: 1 done")).toBeVisible({ timeout: 500 });
  }).toPass();
  await page.getByRole("button", { name: "Undo 1 change" }).click();
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("1 of 1: 1 done")).toBeVisible({ timeout: 500 });
  }).toPass();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
});

test("a role edit", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 1)!;
  const role = state.roles.find((r) => r.level === "user" && !group.roles.includes(r.id))!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) }).check();
  await page.getByRole("button", { name: "Plan the change" }).click();
  await expect(page.getByRole("button", { name: "Apply 1 change" })).toBeVisible();
});

test("an error is told", async ({ page, tenant }) => {
  await page.goto("/connect");
  await page.getByLabel("API key").fill("wrong-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("alert")).toContainText("Qlik does not accept this key");
  expect(await page.content()).not.toContain("wrong-key");
});
