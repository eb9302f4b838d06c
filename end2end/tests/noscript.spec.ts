// Without JavaScript: reading, filtering, sorting, paging, a single edit and a role edit.
import { bulk, expect, filter, test as base } from "../support/test";
import { pairs } from "../support/sim";

const test = base;

test("read, filter, sort, page", async ({ connected: page }) => {
  await expect(page.getByRole("meter").first()).toBeVisible();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Assignments" }).click();
  const menu = await filter(page, "License type");
  await menu.getByRole("checkbox", { name: /^Analyzer \d/ }).check();
  await menu.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/allotment=analyzer/);
  await expect(page.locator(".rows .line:not(.top)").first()).toContainText("Analyzer");
  await page.getByRole("link", { name: "Assigned on" }).click();
  await expect(page.locator("[aria-sort=ascending]")).toContainText("Assigned on");
  const first = await page.locator(".rows .line:not(.top)").first().textContent();
  await page.getByRole("link", { name: "Next" }).click();
  await expect(page.getByText(/Page 2 of/)).toBeVisible();
  expect(await page.locator(".rows .line:not(.top)").first().textContent()).not.toBe(first);
});

test("a single edit and its undo", async ({ connected: page, tenant }) => {
  const before = await tenant.state();
  await page.goto("/t/meridian/assignments?license=none");
  await page.locator(".rows .line:not(.top) input").first().check();
  await bulk(page, "Assign…", "analyzer");
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("1 done (of 1)")).toBeVisible({ timeout: 500 });
    // The row is settled a moment before the job is over, and only then can be undone.
    await expect(page.getByRole("button", { name: "Undo 1 change…" })).toBeVisible({ timeout: 500 });
  }).toPass();
  await page.getByRole("button", { name: "Undo 1 change…" }).click();
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText("1 done (of 1)")).toBeVisible({ timeout: 500 });
  }).toPass();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
});

test("a role edit", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 1)!;
  const role = state.roles.find((r) => r.level === "user" && !group.roles.includes(r.id))!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) }).check();
  await page.getByRole("button", { name: "Review change" }).click();
  await expect(page.getByRole("button", { name: "Apply 1 change" })).toBeVisible();
});

test("what changed since a moment is read and restored", async ({ connected: page, tenant }) => {
  await page.goto("/t/meridian/groups/history");
  await page.getByRole("button", { name: "Use the current state as baseline" }).click();
  await expect(page.getByRole("heading", { level: 2, name: /^No group differs/ })).toBeVisible();
  const group = (await tenant.state()).groups.find((one) => one.roles.length > 1)!;
  await tenant.act({ set_group_roles: { id: group.id, roles: [] } });
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.goto("/t/meridian/groups/history");
  await page.getByRole("checkbox", { name: `Restore ${group.name}`, exact: true }).check();
  await page.getByRole("button", { name: "Restore selected…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: new RegExp(`Restore ${group.name} as of the baseline`) })).toBeVisible();
  await page.goto("/t/meridian/groups/history");
  await page.getByText("Replace or remove…", { exact: true }).click();
  await page.getByRole("button", { name: "Remove baseline" }).click();
  await expect(page.getByText("None is declared.")).toBeVisible();
});

test("a license is tied to a group, and who lacks it is planned", async ({ connected: page, tenant }) => {
  const { groups, users } = await tenant.state();
  const members = (id: string) => users.filter((user) => user.groups.includes(id)).length;
  const group = groups.toSorted((a, b) => members(b.id) - members(a.id))[0];
  await page.goto("/t/meridian/groups/licenses");
  await page.getByLabel("Everyone in").fill(group.name);
  await page.getByLabel("is to hold").selectOption("analyzer");
  await page.getByRole("button", { name: "Tie", exact: true }).click();
  await page.getByRole("button", { name: /^Review [\d,]+ assignments?…/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Assign licenses of groups/ })).toBeVisible();
  await page.goto("/t/meridian/groups/licenses");
  await page.getByRole("button", { name: `Untie Analyzer from ${group.name}` }).click();
  await expect(page.getByText("No license is tied to a group")).toBeVisible();
});

test("groups are filtered, and roles of those ticked are edited", async ({ connected: page, tenant }) => {
  const { groups, roles } = await tenant.state();
  const role = roles.find((one) => one.level === "user" && groups.filter((group) => !group.roles.includes(one.id)).length > 1)!;
  await page.goto("/t/meridian/groups");
  await page.locator("details[data-field=source] > summary").click();
  await page.getByRole("checkbox", { name: /^custom/ }).check();
  await page.locator("details[data-field=source]").getByRole("button", { name: "Filter" }).click();
  const custom = groups.filter((one) => one.providerType === "custom");
  await expect(page.locator(".result")).toHaveText(`${custom.length} of ${groups.length} rows`);
  await expect(page.locator(".paged .line:not(.top)")).toHaveCount(Math.min(100, custom.length));
  const ticked = custom.find((one) => !one.roles.includes(role.id))!;
  await page.getByRole("checkbox", { name: `Select ${ticked.name}`, exact: true }).check();
  await page.locator(".bar summary").filter({ hasText: "Edit roles…" }).click();
  await page.getByRole("checkbox", { name: `Add ${role.name}`, exact: true }).check();
  await page.getByRole("button", { name: "Review…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Add ${role.name} to ${ticked.name}` })).toBeVisible();
  await expect(page.getByRole("button", { name: "Apply 1 change" })).toBeVisible();
});

test("the matrix and the roles are read", async ({ connected: page, tenant }) => {
  const { groups, roles } = await tenant.state();
  const role = roles.find((one) => groups.some((group) => group.roles.includes(one.id)))!;
  await page.goto(`/t/meridian/groups/matrix?show=${role.id}&role=${role.id}`);
  const giving = groups.filter((one) => one.roles.includes(role.id));
  await expect(page.getByRole("region", { name: "Groups and roles" }).getByRole("cell", { name: "✓" })).toHaveCount(giving.length);
  await page.goto(`/t/meridian/roles?q=${encodeURIComponent(role.name)}`);
  await page.getByRole("link", { name: role.name, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: role.name, exact: true })).toBeVisible();
  await expect(page.getByRole("region", { name: "Groups that give this role" }).getByRole("row")).toHaveCount(giving.length + 1 + Object.values((await tenant.state()).group_settings.systemGroups).filter((one) => one.assignedRoles.some((given) => given.id === role.id)).length);
});

test("an error is told", async ({ page, tenant }) => {
  await page.goto("/connect");
  await page.getByLabel("API key").fill("wrong-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("alert")).toContainText("Qlik rejected this key");
  expect(await page.content()).not.toContain("wrong-key");
});

test("a person's license is changed beside the table, and changed back", async ({ connected: page, tenant }) => {
  const before = await tenant.state();
  await page.goto("/t/meridian/assignments?allotment=analyzer");
  await page.locator("a.person-link").first().click();
  const side = page.getByRole("complementary");
  await side.getByText("Change license", { exact: true }).click();
  await side.getByRole("button", { name: /^Change license to Insight viewer/ }).click();
  await expect(side.getByText("Change type to Insight viewer: Done.")).toBeVisible();
  await side.getByRole("button", { name: "Undo" }).click();
  await expect(side.getByText("Undo: Change type to Insight viewer: Done.")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
  await side.getByRole("link", { name: "Close" }).click();
  await expect(side).toHaveCount(0);
});

test("a list is imported, put right and planned", async ({ connected: page, tenant }) => {
  const subjects = (await tenant.state()).users.filter((u) => u.status === "active").slice(0, 3).map((u) => u.subject);
  await page.goto("/t/meridian/lists");
  await page.getByLabel("or paste lines").fill(`Subject;Licence\n${subjects.map((s) => `${s};Full user`).join("\n")}\nnobody-at-all;Full user`);
  await page.getByRole("button", { name: "Check list" }).click();
  await expect(page.getByText("3 lines ready, 1 error")).toBeVisible();
  await page.getByRole("button", { name: "Skip 1 line with an error" }).click();
  await expect(page.getByText("3 lines ready, no errors, 1 skipped")).toBeVisible();
  await page.getByRole("button", { name: "Review 3 lines…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Assign licenses from a list/ })).toBeVisible();
});
