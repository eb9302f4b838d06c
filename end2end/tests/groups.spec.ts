// Groups: an edit that arrives at Qlik, and one that meets somebody else's.
import { confirm, expect, hydrated, test } from "../support/test";

test("a role edit is planned, applied and seen at Qlik", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 2)!;
  const gained = state.roles.find((r) => r.name === "AuditAdmin")!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  const lost = state.roles.find((r) => r.id === group.roles[0])!;
  await page.getByRole("checkbox", { name: new RegExp(`^${gained.name} `) }).check();
  await page.getByRole("checkbox", { name: new RegExp(`^${lost.name} `) }).uncheck();
  await expect(page.getByRole("complementary", { name: "Changes and facts" })).toContainText(gained.name);
  await page.getByRole("button", { name: "Review 2 changes" }).click();
  await expect(page.getByRole("heading", { level: 1, name: new RegExp(`Set roles of ${group.name}`) })).toBeVisible();
  await expect(page.getByText(`Grants admin rights: ${gained.name}.`)).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  const after = (await tenant.state()).groups.find((g) => g.id === group.id)!;
  expect(new Set(after.roles)).toEqual(new Set([...group.roles.slice(1), gained.id]));
});

test("a change behind the portal's back leads to a choice, not an overwrite", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 2)!;
  const [mine, theirs] = state.roles.filter((r) => r.level === "user" && !group.roles.includes(r.id));
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  await page.getByRole("checkbox", { name: new RegExp(`^${mine.name} `) }).check();
  await tenant.act({ set_group_roles: { id: group.id, roles: [...group.roles, theirs.id] } });
  await page.getByRole("button", { name: "Review 1 change" }).click();
  await expect(page.getByRole("heading", { name: "This group changed while you were editing" })).toBeVisible();
  expect((await tenant.state()).groups.find((g) => g.id === group.id)!.roles).toHaveLength(group.roles.length + 1);
  await page.getByRole("link", { name: "Keep both" }).click();
  await expect(page.getByRole("button", { name: "Review 1 change" })).toBeVisible();
  await expect(page.getByRole("checkbox", { name: new RegExp(`^${theirs.name} `) })).toBeChecked();
  await page.getByRole("button", { name: "Review 1 change" }).click();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  const after = (await tenant.state()).groups.find((g) => g.id === group.id)!;
  expect(new Set(after.roles)).toEqual(new Set([...group.roles, mine.id, theirs.id]));
});

test("a plan that reality overtook is drawn up again before anything is sent", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 2)!;
  const mine = state.roles.find((r) => r.level === "user" && !group.roles.includes(r.id))!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  await page.getByRole("checkbox", { name: new RegExp(`^${mine.name} `) }).check();
  await page.getByRole("button", { name: "Review 1 change" }).click();
  await expect(page.getByRole("button", { name: "Apply 1 change" })).toBeVisible();
  // Somebody else gives the group the very same role.
  await tenant.act({ set_group_roles: { id: group.id, roles: [...group.roles, mine.id] } });
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("The tenant changed after this plan was created. Nothing was sent.")).toBeVisible();
  expect((await tenant.state()).groups.find((g) => g.id === group.id)!.roles).toEqual([...group.roles, mine.id]);
});

test("a role that somebody else adds after a plan was drawn up stays", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 2)!;
  const [mine, theirs] = state.roles.filter((r) => r.level === "user" && !group.roles.includes(r.id));
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  await page.getByRole("checkbox", { name: new RegExp(`^${mine.name} `) }).check();
  await page.getByRole("button", { name: "Review 1 change" }).click();
  await expect(page.getByRole("button", { name: "Apply 1 change" })).toBeVisible();
  await tenant.act({ set_group_roles: { id: group.id, roles: [...group.roles, theirs.id] } });
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  const after = (await tenant.state()).groups.find((g) => g.id === group.id)!;
  expect(new Set(after.roles)).toEqual(new Set([...group.roles, mine.id, theirs.id]));
});

test("license everyone in a group", async ({ connected: page, tenant }) => {
  const group = (await tenant.state()).groups.find((g) => g.status === "active")!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  await page.getByLabel("License", { exact: true }).selectOption("analyzer");
  await page.getByRole("button", { name: "Review…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Assign Analyzer/ })).toBeVisible();
});

test("settings change through a plan", async ({ connected: page, tenant, person }) => {
  test.skip(person !== "", "settings are for the role admin");
  await page.goto("/t/meridian/settings");
  await hydrated(page);
  await page.getByRole("checkbox", { name: /^Professional/ }).check();
  await page.getByRole("button", { name: "Review change…" }).first().click();
  await expect(page.getByText("Professional will be assigned automatically.")).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect((await tenant.state()).settings.autoAssignProfessional).toBe(true);
});
