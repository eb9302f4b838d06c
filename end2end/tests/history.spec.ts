// The history of groups: a baseline, what differs from it, by whom, the plan that restores it; by keyboard, and without a script.
import type { Page } from "@playwright/test";
import { accessible, confirm, expect, hydrated, test } from "../support/test";

async function apply(page: Page) {
  await confirm(page);
  await page.getByRole("button", { name: /^Apply/ }).click();
  await expect(page.getByText("finished", { exact: true })).toBeVisible({ timeout: 20_000 });
}

test("what differs from the baseline is found on the overview, told, and restored", async ({ connected: page, tenant }) => {
  test.setTimeout(90_000);
  await page.goto("/t/meridian/groups/history");
  await hydrated(page);
  await page.getByRole("button", { name: "Use the current state as baseline" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "No group differs" })).toBeVisible();
  const before = (await tenant.state()).groups;
  // Somebody else takes two groups' roles away, and deletes a third.
  const [one, two, gone] = before.filter((group) => group.roles.length > 1);
  await tenant.act({ set_group_roles: { id: one.id, roles: one.roles.slice(1) } });
  await tenant.act({ set_group_roles: { id: two.id, roles: [] } });
  await tenant.act({ delete_group: gone.id });
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.getByRole("heading", { level: 2, name: /^3 groups differ/ })).toBeVisible();
  await accessible(page);
  await page.goto("/t/meridian/overview");
  await hydrated(page);
  const attention = page.locator("ul.attention li").filter({ hasText: "3 groups differ from the baseline of" });
  await attention.getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1, name: "History of groups" })).toBeFocused();
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
  await expect(row(one.name)).toContainText("outside Quartermaster");
  await expect(row(gone.name)).toContainText("deleted");
  // By keyboard: the first two are chosen, and only they come back.
  const boxes = page.getByRole("checkbox", { name: /^Restore / });
  await expect(boxes).toHaveCount(3);
  for (const name of [one.name, two.name]) {
    await page.getByRole("checkbox", { name: `Restore ${name}`, exact: true }).focus();
    await page.keyboard.press("Space");
  }
  // What changes meanwhile comes before them: a tick never goes to another group.
  const newcomer = before.toSorted((a, b) => a.name.localeCompare(b.name)).find((group) => ![one, two, gone].includes(group) && group.roles.length > 0)!;
  await tenant.act({ set_group_roles: { id: newcomer.id, roles: [] } });
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(boxes).toHaveCount(4);
  for (const name of [newcomer.name, gone.name]) await expect(page.getByRole("checkbox", { name: `Restore ${name}`, exact: true })).not.toBeChecked();
  for (const name of [one.name, two.name]) await page.getByRole("checkbox", { name: `Restore ${name}`, exact: true }).check();
  await page.getByRole("button", { name: "Restore selected…" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /Restore 2 groups as of the baseline of/ })).toBeVisible();
  await apply(page);
  let now = (await tenant.state()).groups;
  for (const group of [one, two]) expect(now.find((other) => other.id === group.id)!.roles.toSorted()).toEqual(group.roles.toSorted());
  expect(now.some((group) => group.name === gone.name)).toBe(false);
  // The rest of it with one button.
  await page.goto("/t/meridian/groups/history?from=baseline");
  await hydrated(page);
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByRole("button", { name: "Restore all…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Restore 2 groups as of the baseline of/ })).toBeVisible();
  await apply(page);
  now = (await tenant.state()).groups;
  expect(now.find((group) => group.id === newcomer.id)!.roles.toSorted()).toEqual(newcomer.roles.toSorted());
  expect(now.find((group) => group.name === gone.name)!.roles.toSorted()).toEqual(gone.roles.toSorted());
  await page.goto("/t/meridian/groups/history");
  await hydrated(page);
  await page.getByText("Replace or remove…", { exact: true }).click();
  await page.getByRole("button", { name: "Remove baseline" }).click();
  await expect(page.getByText("None is declared.")).toBeVisible();
});

test("two moments are compared by the address, and a moment that makes no sense says so", { tag: "@reads" }, async ({ connected: page, guard }) => {
  await page.goto("/t/meridian/groups");
  await hydrated(page);
  await page.getByRole("link", { name: "History" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "History of groups" })).toBeFocused();
  await page.getByLabel("From").fill("2020-01-01");
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page).toHaveURL(/from=2020-01-01/);
  await expect(page.getByText("2020-01-01 00:00:00 UTC is before that", { exact: false })).toBeVisible();
  await page.goto("/t/meridian/groups/history?from=2020-01-01&to=2019-01-01");
  await expect(page.getByRole("alert")).toContainText("The later moment is before the earlier one.");
  await expect(page.getByRole("search", { name: "Choose two moments" })).toBeVisible();
  await accessible(page);
  // What a browser says of an answer with an error.
  expect(guard.splice(0).every((line) => line.includes("to=2019-01-01"))).toBe(true);
});
