// Licenses by group: a wish that sends nothing, who lacks the license, the plan, and whoever left and still holds it.
import { accessible, confirm, expect, hydrated, test } from "../support/test";
import { pairs } from "../support/sim";

test("everyone in a group gets its license, and whoever leaves is found", async ({ connected: page, tenant }) => {
  test.setTimeout(90_000);
  const before = await tenant.state();
  const members = (id: string) => before.users.filter((user) => user.groups.includes(id));
  const group = before.groups.toSorted((a, b) => members(a.id).length - members(b.id).length).find((one) => members(one.id).length > 4)!;
  const holds = (subject: string, types: string[]) =>
    before.assignments.some((row) => row.subject.toLowerCase() === subject.toLowerCase() && types.includes(row.type));
  const lacking = members(group.id)
    .filter((user) => !["disabled", "deleted"].includes(user.status) && !holds(user.subject, ["analyzer", "professional"]))
    .map((user) => user.subject);
  await page.goto("/t/meridian/groups");
  await hydrated(page);
  await page.getByRole("link", { name: "Licenses", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Licenses by group" })).toBeFocused();
  await page.getByLabel("Everyone in").fill(group.name);
  await page.getByLabel("is to hold").selectOption("analyzer");
  await page.keyboard.press("Enter");
  const row = page.getByRole("region", { name: "Groups and their licenses" }).getByRole("row").filter({ hasText: group.name });
  await expect(row).toBeVisible();
  expect(pairs(await tenant.state()), "a wish sends nothing").toEqual(pairs(before));
  if (lacking.length > 0) {
    await expect(page.getByRole("region", { name: "People who lack a license" }).getByRole("row")).toHaveCount(lacking.length + 1);
    await accessible(page);
    await page.setViewportSize({ width: 320, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth), "at 320 px").toBeLessThanOrEqual(320);
    await page.setViewportSize({ width: 1600, height: 1000 });
    await page.getByRole("button", { name: /^Review \d+ assignments?…/ }).click();
    await expect(page.getByRole("heading", { level: 1, name: /Assign licenses of groups/ })).toBeVisible();
    await confirm(page);
    await page.getByRole("button", { name: /^Apply/ }).click();
    await expect(page.getByText("finished", { exact: true })).toBeVisible({ timeout: 20_000 });
  }
  const held = pairs(await tenant.state());
  for (const subject of lacking) expect(held.map(String).join("\n").toLowerCase()).toContain(subject.toLowerCase());
  // One of them leaves.
  const leaver = members(group.id).find((user) => user.status === "active" && (lacking.includes(user.subject) || holds(user.subject, ["analyzer"])))!;
  await tenant.act({ set_user_groups: { id: leaver.id, groups: leaver.groups.filter((id) => id !== group.id) } });
  await page.goto("/t/meridian/groups/licenses");
  await hydrated(page);
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "1 person left and still holds a license" })).toBeVisible();
  await accessible(page);
  await page.goto("/t/meridian/overview");
  await hydrated(page);
  await page.locator("ul.attention li").filter({ hasText: "1 person holds the license of a group that they left" }).getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1, name: "Licenses by group" })).toBeFocused();
  await page.getByRole("button", { name: "Review 1 removal…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Remove licenses of groups/ })).toBeVisible();
  await page.goto("/t/meridian/groups/licenses");
  await hydrated(page);
  await page.getByRole("button", { name: `Untie Analyzer from ${group.name}` }).click();
  await expect(page.getByText("No license is tied to a group")).toBeVisible();
});
