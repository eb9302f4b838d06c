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

test("groups are created by one plan, and undone by deleting them", async ({ connected: page, tenant, guard }) => {
  const before = await tenant.state();
  const role = before.roles.find((one) => one.level === "user")!;
  await page.goto("/t/meridian/groups");
  await hydrated(page);
  await page.getByRole("link", { name: "New group…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "New group" })).toBeVisible();
  const review = page.getByRole("button", { name: "Review…" });
  // A bad name is told with its line, and nothing that was typed is lost.
  await page.getByLabel("Names").fill("Auditors Ost\nAuditors\u200b West\n");
  await page.getByLabel("Description").fill("Read the books");
  await page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) }).check();
  await review.click();
  await expect(page.getByText("Line 2: the name contains an invisible character (U+200B); remove it.")).toBeVisible();
  await expect(page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) })).toBeChecked();
  expect(guard.splice(0).every((line) => line.includes("/api/groups/create"))).toBe(true);
  await page.getByLabel("Names").fill("Auditors Ost\nAuditors West\n");
  await review.click();
  await expect(page.getByRole("heading", { level: 1, name: "Create 2 groups" })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await expect(page.getByText("2 done (of 2)")).toBeVisible();
  const made = (await tenant.state()).groups.filter((one) => one.name.startsWith("Auditors"));
  expect(made.map((one) => one.roles)).toEqual([[role.id], [role.id]]);
  await page.getByRole("button", { name: /^Undo/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Undo: Create 2 groups/ })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await expect(page.getByText("2 done (of 2)")).toBeVisible();
  expect((await tenant.state()).groups.map((one) => one.id).sort()).toEqual(before.groups.map((one) => one.id).sort());
});

test("a custom group is renamed and described; one of the identity provider says why not", async ({ connected: page, tenant, guard }) => {
  const groups = (await tenant.state()).groups as { id: string; name: string; providerType: string }[];
  const [custom, idp] = ["custom", "idp"].map((kind) => groups.find((one) => one.providerType === kind)!);
  const taken = groups.find((one) => one.id !== custom.id)!;
  await page.goto(`/t/meridian/groups/${custom.id}`);
  await hydrated(page);
  await page.getByText("Rename or describe").click();
  await page.getByLabel("Name", { exact: true }).fill(taken.name);
  const review = page.locator("details", { hasText: "Rename or describe" }).getByRole("button", { name: "Review…" });
  await review.click();
  await expect(page.getByText(`A group named “${taken.name}” exists already; choose another name.`)).toBeVisible();
  expect(guard.splice(0).every((line) => line.includes("/api/groups/edit"))).toBe(true);
  await page.getByLabel("Name", { exact: true }).fill("Renamed here");
  await page.getByLabel("Description").fill("By a test");
  await review.click();
  await expect(page.getByRole("heading", { level: 1, name: `Edit group ${custom.name}` })).toBeVisible();
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect((await tenant.state()).groups.find((one) => one.id === custom.id)).toMatchObject({ name: "Renamed here", description: "By a test" });
  await page.goto(`/t/meridian/groups/${idp.id}`);
  await hydrated(page);
  await page.getByText("Rename or describe").click();
  await expect(page.getByText("The identity provider keeps the name and description of this group.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toBeDisabled();
});

test("a deletion says what goes and what does not come back", async ({ connected: page, tenant }) => {
  const group = (await tenant.state()).groups.find((one) => one.roles.length >= 2)!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  await page.getByText("Delete group").click();
  await page.getByRole("button", { name: "Review deletion…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Delete group ${group.name}` })).toBeVisible();
  await expect(page.getByText(/The group gets a new id/)).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect((await tenant.state()).groups.map((one) => one.id)).not.toContain(group.id);
  // Taken back, it is there again, as far as that goes.
  await page.getByRole("button", { name: /^Undo/ }).click();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  const again = (await tenant.state()).groups.find((one) => one.name === group.name)!;
  expect(new Set(again.roles)).toEqual(new Set(group.roles));
  expect(again.id).not.toBe(group.id);
});
