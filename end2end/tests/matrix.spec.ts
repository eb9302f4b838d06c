// The matrix of groups and roles, roles with who gives them, and groups from a file.
import type { Page } from "@playwright/test";
import { accessible, confirm, expect, hydrated, test } from "../support/test";
import type { Sim } from "../support/sim";

type Group = { id: string; name: string; providerType: string; roles: string[] };
type Role = { id: string; name: string; level: string };

async function at(tenant: Sim) {
  const state = (await tenant.state()) as unknown as { groups: Group[]; roles: Role[]; users: { status: string; roles: string[]; groups: string[] }[]; group_settings: { systemGroups: Record<string, { assignedRoles: { id: string }[] }> } };
  return state;
}

const grid = (page: Page) => page.getByRole("grid", { name: "Groups and roles" });
const bar = (page: Page) => page.getByRole("toolbar", { name: "Changes" });

async function open(page: Page, query = "") {
  await page.goto(`/t/meridian/groups/matrix${query}`);
  await hydrated(page);
  await expect(grid(page)).toBeVisible();
}

/** The cell of a group and a role, by their names. */
async function cell(page: Page, group: string, role: string) {
  const nth = await grid(page).getByRole("columnheader").evaluateAll((heads, role) => heads.findIndex((head) => head.textContent === role), role);
  const row = grid(page).getByRole("row").filter({ has: page.getByRole("rowheader", { name: group, exact: true }) });
  return row.locator(`[data-nth="${nth}"]`);
}

test("cells are changed in place, wait as a draft, and become one plan", async ({ connected: page, tenant }) => {
  const { groups, roles } = await at(tenant);
  const used = (id: string) => groups.filter((one) => one.roles.includes(id)).length;
  const shown = roles.filter((one) => one.level === "user" && used(one.id) > 0).slice(0, 3);
  await open(page, `?show=${shown.map((one) => one.id).join(",")}&q=`);
  await expect(grid(page).getByRole("columnheader")).toHaveText(["Group", ...shown.map((one) => one.name)]);
  const first = [...groups].sort((one, two) => one.name.toLowerCase() < two.name.toLowerCase() ? -1 : 1).slice(0, 2);
  for (const group of first) {
    for (const role of shown) await expect(await cell(page, group.name, role.name)).toHaveText(group.roles.includes(role.id) ? "✓" : "");
  }
  const turned = [[first[0], shown[0]], [first[0], shown[1]], [first[1], shown[2]]] as const;
  for (const [group, role] of turned) {
    await (await cell(page, group.name, role.name)).click();
    await expect(await cell(page, group.name, role.name)).toHaveText(group.roles.includes(role.id) ? "−" : "+");
  }
  await expect(bar(page)).toContainText("3 changes in 2 groups");
  // Turned back it is no change.
  await (await cell(page, first[1].name, shown[0].name)).click();
  await (await cell(page, first[1].name, shown[0].name)).click();
  await expect(bar(page)).toContainText("3 changes in 2 groups");
  await accessible(page);
  // What was changed waits for whoever leaves.
  await page.waitForTimeout(800);
  await open(page, `?show=${shown.map((one) => one.id).join(",")}`);
  await expect(page.getByText(/^Your changes from .* were saved\.$/)).toBeVisible();
  await expect(bar(page)).toContainText("3 changes in 2 groups");
  await bar(page).getByRole("button", { name: "Review…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Edit roles of 2 groups" })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await expect(page.getByText("2 done (of 2)")).toBeVisible();
  const after = (await at(tenant)).groups;
  for (const group of groups) {
    const mine = turned.filter(([of]) => of.id === group.id).map(([, role]) => role.id);
    const wanted = [...group.roles.filter((id) => !mine.includes(id)), ...mine.filter((id) => !group.roles.includes(id))].sort();
    expect([...after.find((one) => one.id === group.id)!.roles].sort(), group.name).toEqual(wanted);
  }
  // It is a plan now, and no draft.
  await open(page);
  await expect(bar(page)).toBeHidden();
});

test("the matrix by keyboard alone", async ({ connected: page, tenant }) => {
  const { groups, roles } = await at(tenant);
  const role = roles.find((one) => one.level === "user" && groups.some((group) => group.roles.includes(one.id)))!;
  const first = [...groups].sort((one, two) => one.name.toLowerCase() < two.name.toLowerCase() ? -1 : 1);
  await open(page, `?show=${role.id}`);
  await grid(page).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(await cell(page, first[1].name, role.name)).toHaveText(first[1].roles.includes(role.id) ? "−" : "+");
  await page.keyboard.press("Control+End");
  await expect(grid(page).locator("#matrix-at")).toBeVisible();
  await page.keyboard.press("Space");
  await expect(bar(page)).toContainText("2 changes in 2 groups");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: first[0].name, exact: true })).toBeVisible();
});

test("what is exported and brought back changes nothing; what is wrong in it is told by line", async ({ connected: page, tenant }) => {
  const before = await at(tenant);
  await open(page);
  const file = await (await page.request.get((await page.getByRole("link", { name: "Export CSV" }).getAttribute("href"))!)).text();
  const lines = file.trim().split("\r\n");
  expect(lines.length - 1).toBe(before.groups.length);
  const bring = async (text: string) => {
    await page.goto("/t/meridian/groups/matrix");
    await hydrated(page);
    await page.locator("summary").filter({ hasText: "Apply a CSV…" }).click();
    await page.getByLabel("CSV file").setInputFiles({ name: "matrix.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    await page.locator("[data-menu=bring]").getByRole("button", { name: "Review…" }).click();
  };
  await bring(file);
  await expect(page.getByRole("heading", { level: 1, name: /: Edit roles$/ })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Apply/ })).toHaveCount(0);
  await bring("Group,Nobody\nNo such group,x\n");
  await expect(page.getByText("Line 1: there is no role “Nobody”. Line 2: no group is called “No such group”.")).toBeVisible();
  // One group and one role: nothing else is touched.
  const group = before.groups.find((one) => before.groups.filter((other) => other.name === one.name).length === 1)!;
  const role = before.roles.find((one) => one.level === "user" && !group.roles.includes(one.id))!;
  await bring(`Group,${role.name}\n"${group.name}",x\n`);
  await expect(page.getByRole("heading", { level: 1, name: "Edit roles of 1 group" })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  const after = (await at(tenant)).groups;
  for (const one of before.groups) {
    const wanted = one.id === group.id ? [...one.roles, role.id] : one.roles;
    expect([...after.find((now) => now.id === one.id)!.roles].sort(), one.name).toEqual([...wanted].sort());
  }
});

test("a role says who gives it, who has it, and who would lose it @reads", async ({ connected: page, tenant }) => {
  const state = await at(tenant);
  const people = state.users.filter((one) => one.status !== "disabled" && one.status !== "deleted");
  const everyone = Object.values(state.group_settings.systemGroups).flatMap((one) => one.assignedRoles.map((role) => role.id));
  const gives = new Map(state.groups.map((one) => [one.id, one.roles]));
  const ways = (user: { roles: string[]; groups: string[] }, role: string) =>
    [...(user.roles.includes(role) ? ["directly"] : []), ...(everyone.includes(role) ? ["everyone"] : []), ...user.groups.filter((id) => gives.get(id)?.includes(role))];
  const role = state.roles.filter((one) => !everyone.includes(one.id)).sort((one, two) => people.filter((user) => ways(user, two.id).length).length - people.filter((user) => ways(user, one.id).length).length)[0];
  const has = people.filter((user) => ways(user, role.id).length > 0).length;
  await page.goto("/t/meridian/roles?sort=people");
  await hydrated(page);
  await expect(page.getByRole("status").filter({ hasText: /roles$/ })).toHaveText(`${state.roles.length} roles`);
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: role.name, exact: true }) });
  await expect(row).toContainText(has.toLocaleString("en"));
  await accessible(page);
  await row.getByRole("link", { name: role.name, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: role.name, exact: true })).toBeVisible();
  await expect(page.getByRole("complementary", { name: "Facts" })).toContainText(new RegExp(`${has.toLocaleString("en")} (person|people)`));
  const table = page.getByRole("region", { name: "Groups that give this role" });
  const giving = state.groups.filter((one) => one.roles.includes(role.id));
  await expect(table.getByRole("row")).toHaveCount(giving.length + 1);
  for (const group of giving.slice(0, 5)) {
    const members = people.filter((user) => user.groups.includes(group.id));
    const lose = members.filter((user) => ways(user, role.id).length === 1).length;
    const line = table.getByRole("row").filter({ has: page.getByRole("link", { name: group.name, exact: true }) });
    await expect(line, group.name).toContainText(members.length.toLocaleString("en"));
    await expect(line, group.name).toContainText(lose === 0 && members.length > 0 ? "none: all have it another way too" : lose.toLocaleString("en"));
  }
  await accessible(page);
  await page.getByRole("link", { name: "Select these groups…" }).click();
  await expect(page).toHaveURL(new RegExp(`groups\\?role=${role.id}`));
});

test("groups come from a file; those that are there stay as they are", async ({ connected: page, tenant }) => {
  const before = await at(tenant);
  const there = before.groups.filter((one) => one.providerType === "custom").slice(0, 2);
  const role = before.roles.find((one) => one.level === "user" && before.roles.filter((other) => other.name.toLowerCase() === one.name.toLowerCase()).length === 1)!;
  const bring = async (text: string) => {
    await page.goto("/t/meridian/groups/new");
    await hydrated(page);
    if (!(await page.getByLabel("CSV or text file").isVisible())) await page.getByText("Create groups from a file").click();
    await page.getByLabel("CSV or text file").setInputFiles({ name: "groups.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    await page.getByRole("button", { name: "Check list" }).click();
  };
  await bring("Name;Description;Roles\nNew one;;Nobody\nNew one;;\n");
  await expect(page.getByText("Line 2: there is no role “Nobody”. Line 3 names the same group as line 2.")).toBeVisible();
  await bring(`Name;Description;Roles\nNew one;Read the books;${role.name}\nNew two;;\n${there.map((one) => `${one.name};;`).join("\n")}\n`);
  await expect(page.getByRole("heading", { level: 1, name: "Create 4 groups" })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await expect(page.getByText("2 done (of 2)")).toBeVisible();
  const after = (await at(tenant)).groups;
  expect(after.filter((one) => one.name.startsWith("New ")).map((one) => one.roles)).toEqual([[role.id], []]);
  for (const one of there) expect(after.find((now) => now.id === one.id)).toEqual(one);
});
