// The table of groups: filters, order, selection and views as in every table, and roles of many groups edited by one plan.
import type { Page } from "@playwright/test";
import { accessible, confirm, expect, filter, hydrated, test } from "../support/test";
import type { Sim } from "../support/sim";

type Group = { id: string; name: string; providerType: string; status: string; roles: string[] };
type Role = { id: string; name: string; level: string };

async function at(tenant: Sim) {
  const state = (await tenant.state()) as { groups: Group[]; roles: Role[] };
  return { groups: state.groups, roles: state.roles };
}

const result = (page: Page) => page.getByRole("status").filter({ hasText: /rows?$/ });
const lines = (page: Page) => page.locator(".live .line:not(.top):not([hidden])");
const bar = (page: Page) => page.getByRole("toolbar", { name: "Selection" });
const cell = (page: Page, column: string) => lines(page).locator(`.c-${column}`);

async function open(page: Page, query = "") {
  await page.goto(`/t/meridian/groups${query}`);
  await hydrated(page);
  await expect(page.getByRole("grid", { name: "Groups" })).toBeVisible();
}

/** Selects the groups of these names, whatever is shown. */
async function select(page: Page, names: string[]) {
  for (const name of names) {
    await page.getByLabel("Search name or description").fill(name);
    await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
  }
  await page.getByLabel("Search name or description").fill("");
  await expect(bar(page)).toContainText(`${names.length} selected`);
}

test("all groups are found, filtered and sorted, and the address says how @reads", async ({ connected: page, tenant }) => {
  const { groups, roles } = await at(tenant);
  await open(page);
  await expect(result(page)).toHaveText(`${groups.length} rows`);
  const text = groups[0].name.split(" ")[0];
  await page.getByLabel("Search name or description").fill(text);
  const found = groups.filter((one) => one.name.toLowerCase().includes(text.toLowerCase()));
  await expect(result(page)).toContainText(new RegExp(`^${found.length}( of ${groups.length})? rows$`));
  await page.getByLabel("Search name or description").fill("");
  // By a role that a group gives.
  const role = roles.find((one) => groups.some((group) => group.roles.includes(one.id)))!;
  const sheet = await filter(page, "Gives role");
  await sheet.getByLabel("Find gives role").fill(role.name);
  await sheet.getByRole("checkbox", { name: new RegExp(`^${role.name}`) }).check();
  await expect(result(page)).toHaveText(`${groups.filter((one) => one.roles.includes(role.id)).length} of ${groups.length} rows`);
  await expect(page).toHaveURL(new RegExp(`role=${role.id}`));
  await sheet.getByLabel("Gives role: is or is not").selectOption("is none of");
  await expect(result(page)).toHaveText(`${groups.filter((one) => !one.roles.includes(role.id)).length} of ${groups.length} rows`);
  await page.getByRole("link", { name: "Clear filters" }).click();
  // By where it comes from, and how many roles it gives.
  await open(page, "?source=custom&roles=1-2");
  const few = groups.filter((one) => one.providerType === "custom" && one.roles.length >= 1 && one.roles.length <= 2);
  await expect(result(page)).toHaveText(`${few.length} of ${groups.length} rows`);
  await open(page, "?roles=0");
  await expect(page.getByText("Number of roles: none")).toBeVisible();
  await expect(result(page)).toContainText(`${groups.filter((one) => one.roles.length === 0).length} of ${groups.length}`);
  // The order is a step one can go back from.
  await open(page);
  await page.getByRole("columnheader", { name: "Roles" }).getByRole("link").click();
  await expect(page).toHaveURL(/sort=roles/);
  await page.getByRole("columnheader", { name: "Roles" }).getByRole("link").click();
  await expect(page).toHaveURL(/sort=-roles/);
  const most = Math.max(...groups.map((one) => one.roles.length));
  await expect(cell(page, "roles").first()).toHaveText(String(most));
  await page.goBack();
  await expect(page).toHaveURL(/sort=roles/);
  await expect(cell(page, "roles").first()).toHaveText(String(Math.min(...groups.map((one) => one.roles.length))));
  // A group opens by its name, and Back comes to the table as it was.
  const first = (await cell(page, "name").first().textContent())!;
  await cell(page, "name").first().getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1, name: first.trim(), exact: true })).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/sort=roles/);
});

test("members of a group are counted as they are, and sorted by it @reads", async ({ connected: page, tenant }) => {
  const state = (await tenant.state()) as unknown as { groups: Group[]; users: { groups: string[] }[] };
  const members = new Map(state.groups.map((one) => [one.name, state.users.filter((user) => user.groups.includes(one.id)).length]));
  await open(page, "?sort=-members");
  const shown = await lines(page).evaluateAll((rows) =>
    rows.slice(0, 20).map((row) => [row.querySelector(".c-name a")!.textContent!, row.querySelector(".c-members")!.textContent!.replace(",", "")]));
  expect(shown.length).toBeGreaterThan(10);
  for (const [name, count] of shown) expect(Number(count), name).toBe(members.get(name));
  const counts = shown.map(([, count]) => Number(count));
  expect(counts).toEqual([...counts].sort((one, two) => two - one));
  const most = counts[0];
  await open(page, `?members=${most}-`);
  await expect(result(page)).toContainText(new RegExp(`^${[...members.values()].filter((count) => count >= most).length} of `));
});

test("a view of the groups is kept under a name, apart from those of the assignments", async ({ connected: page }) => {
  await open(page, "?roles=0&sort=-updated");
  await page.locator("summary").filter({ hasText: "Views" }).click();
  await page.getByLabel("View name").fill("Without roles");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("list", { name: "Views" }).getByRole("link", { name: "Without roles" })).toHaveAttribute("href", "/t/meridian/groups?roles=0&sort=-updated");
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  await page.locator("summary").filter({ hasText: "Views" }).click();
  await expect(page.getByText("No saved views.")).toBeVisible();
  await open(page);
  await page.locator("summary").filter({ hasText: "Views" }).click();
  await page.getByRole("button", { name: "Delete view Without roles" }).click();
  await expect(page.getByText("No saved views.")).toBeVisible();
});

test("many groups get a role and lose one by one plan, and undo restores each", async ({ connected: page, tenant }) => {
  const { groups, roles } = await at(tenant);
  const uses = (role: Role) => groups.filter((one) => one.roles.includes(role.id)).length;
  const users = roles.filter((one) => one.level === "user").sort((one, two) => uses(two) - uses(one));
  const [gone, given] = [users[0], users.at(-1)!];
  expect(uses(gone)).toBeGreaterThan(0);
  const some = [...groups.filter((one) => one.roles.includes(gone.id)).slice(0, 3), groups.find((one) => !one.roles.includes(gone.id))!];
  await open(page);
  await select(page, some.map((one) => one.name));
  await bar(page).locator("summary").filter({ hasText: "Edit roles…" }).click();
  const picker = bar(page).getByRole("group", { name: "Edit roles" });
  const row = (name: string) => picker.getByRole("row").filter({ has: page.getByRole("rowheader", { name: new RegExp(`^${name}( |$)`) }) });
  await expect(row(gone.name)).toContainText("3 of 4");
  await expect(picker.getByRole("button", { name: "Review…" })).toBeDisabled();
  await picker.getByRole("checkbox", { name: `Add ${given.name}`, exact: true }).check();
  await picker.getByRole("checkbox", { name: `Remove ${gone.name}`, exact: true }).check();
  // What is chosen stays, whatever is looked for.
  await picker.getByLabel("Find a role").fill("nothing like it");
  await expect(picker.getByRole("checkbox", { name: `Add ${given.name}`, exact: true })).toBeChecked();
  await expect(picker).toContainText("1 to add, 1 to remove");
  await accessible(page);
  await picker.getByRole("button", { name: "Review…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Add ${given.name} and remove ${gone.name}: 4 groups` })).toBeVisible();
  expect((await at(tenant)).groups).toEqual(groups);
  await expect(page.getByRole("region", { name: "People and roles", exact: true })).toContainText(given.name);
  await confirm(page);
  await page.getByRole("button", { name: "Apply 4 changes" }).click();
  await expect(page.getByText("4 done (of 4)")).toBeVisible();
  const wanted = (one: Group) => some.some((of) => of.id === one.id) ? [...one.roles.filter((id) => id !== gone.id), given.id].sort() : [...one.roles].sort();
  const after = (await at(tenant)).groups;
  for (const one of groups) expect([...after.find((now) => now.id === one.id)!.roles].sort(), one.name).toEqual(wanted(one));
  await page.getByRole("button", { name: /^Undo/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: /: Undo:/ })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 4 changes" }).click();
  await expect(page.getByText("4 done (of 4)")).toBeVisible();
  const back = (await at(tenant)).groups;
  for (const one of groups) expect([...back.find((now) => now.id === one.id)!.roles].sort(), one.name).toEqual([...one.roles].sort());
});

test("roles are copied from a group to all that match, but for one that is taken out", async ({ connected: page, tenant, guard }) => {
  const { groups } = await at(tenant);
  const from = groups.find((one) => one.roles.length >= 2)!;
  const word = groups.find((one) => one.id !== from.id)!.name.split(" ")[0];
  const matching = groups.filter((one) => one.name.toLowerCase().includes(word.toLowerCase()));
  await open(page, `?q=${encodeURIComponent(word)}`);
  await page.getByLabel("Select all matching rows").check();
  const out = matching[0];
  await page.getByRole("checkbox", { name: `Select ${out.name}`, exact: true }).uncheck();
  const kept = matching.filter((one) => one.id !== out.id);
  test.skip(kept.length === 0, "the words of this tenant name one group only");
  await expect(bar(page)).toContainText(`${kept.length} selected`);
  await bar(page).locator("summary").filter({ hasText: "Edit roles…" }).click();
  const picker = bar(page).getByRole("group", { name: "Edit roles" });
  await picker.getByLabel("What to do").selectOption("Copy the roles of a group");
  await picker.getByLabel("Group to copy from").fill("No such group");
  await picker.getByRole("button", { name: "Review…" }).click();
  await expect(page.getByText("No group has this name")).toBeVisible();
  expect(guard.splice(0).every((line) => line.includes("draft-selection"))).toBe(true);
  // What was selected is so still.
  await hydrated(page);
  await expect(bar(page)).toContainText(`${kept.length} selected`);
  await bar(page).locator("summary").filter({ hasText: "Edit roles…" }).click();
  await picker.getByLabel("What to do").selectOption("Copy the roles of a group");
  await picker.getByLabel("Group to copy from").fill(from.name);
  await picker.getByRole("button", { name: "Review…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: new RegExp(`: Set roles of .* as in ${from.name}$`) })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: /^Apply/ }).click();
  await expect(page.getByText(/ done \(of /)).toBeVisible();
  const after = (await at(tenant)).groups;
  for (const one of groups) {
    const wanted = kept.some((of) => of.id === one.id) ? from.roles : one.roles;
    expect([...after.find((now) => now.id === one.id)!.roles].sort(), one.name).toEqual([...wanted].sort());
  }
});

test("groups that are selected are deleted by one plan", async ({ connected: page, tenant }) => {
  const { groups } = await at(tenant);
  const some = groups.filter((one) => one.providerType === "custom").slice(0, 2);
  await open(page);
  await select(page, some.map((one) => one.name));
  await bar(page).getByRole("button", { name: "Delete…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Delete 2 groups" })).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await expect(page.getByText("2 done (of 2)")).toBeVisible();
  const left = (await at(tenant)).groups.map((one) => one.id);
  expect(left.length).toBe(groups.length - 2);
  expect(some.some((one) => left.includes(one.id))).toBe(false);
  // Nothing that is gone stays selected.
  await open(page);
  await expect(result(page)).toHaveText(`${groups.length - 2} rows`);
  await expect(bar(page)).toBeHidden();
});

test("the table of groups by keyboard alone", async ({ connected: page, tenant }) => {
  const { groups, roles } = await at(tenant);
  const role = roles.find((one) => one.level === "user" && groups.some((group) => !group.roles.includes(one.id)))!;
  await open(page, `?role=${role.id}&not=role`);
  await page.locator(".live [tabindex='0']").first().focus();
  await page.keyboard.press("Shift+Space");
  await page.keyboard.press("Shift+ArrowDown");
  await expect(bar(page)).toContainText("2 selected");
  const named = await lines(page).locator(".c-name a").evaluateAll((links) => links.slice(0, 2).map((link) => link.textContent!));
  await bar(page).locator("summary").filter({ hasText: "Edit roles…" }).focus();
  await page.keyboard.press("Enter");
  const picker = bar(page).getByRole("group", { name: "Edit roles" });
  await page.keyboard.press("Tab");
  await expect(picker.getByLabel("What to do")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.type(role.name);
  // Enter in the search sends nothing.
  await page.keyboard.press("Enter");
  await expect(picker.getByRole("row")).toHaveCount(2);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(picker.getByRole("checkbox", { name: `Add ${role.name}`, exact: true })).toBeFocused();
  await page.keyboard.press("Space");
  await picker.getByRole("button", { name: "Review…" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: `Add ${role.name} to 2 groups` })).toBeVisible();
  for (const name of named) await expect(page.getByRole("main")).toContainText(name);
  // Enter on a row opens the group.
  await open(page);
  await page.locator(".live [tabindex='0']").first().focus();
  await page.keyboard.press("ArrowRight");
  const first = (await cell(page, "name").first().textContent())!.trim();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: first, exact: true })).toBeVisible();
});

test("the groups and their picker are accessible @reads", async ({ connected: page }) => {
  await open(page);
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await accessible(page);
});
