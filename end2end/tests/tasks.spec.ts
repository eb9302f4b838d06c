// Eight tasks of an admin's day, from the overview, in no more clicks than a person should need. Typing is not counted, nor is
// moving the focus; choosing an option of a list is one click on its control and one on the option.
import { address, start } from "../support/portal";
import { confirm, connect, expect, hydrated, test } from "../support/test";
import { pairs } from "../support/sim";
import type { Locator, Page } from "@playwright/test";

/** Counts what is pressed. */
class Hand {
  clicks = 0;
  constructor(readonly page: Page) {}
  async click(what: Locator, options: Parameters<Locator["click"]>[0] = {}) {
    this.clicks += 1;
    await what.click(options);
  }
  async choose(select: Locator, option: string) {
    this.clicks += 2;
    await select.selectOption(option);
  }
}

const nav = (page: Page, name: string) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name });
const rows = (page: Page) => page.locator(".live .line:not(.top) input");

test("task 1: license 30 people from a pasted list, 6 clicks", async ({ connected: page, tenant }) => {
  const hand = new Hand(page);
  const held = new Set((await tenant.state()).assignments.map((one) => one.subject.toLowerCase()));
  const people = (await tenant.state()).users.filter((one) => one.status === "active" && !held.has(one.subject.toLowerCase())).slice(0, 30);
  await hydrated(page);
  await hand.click(nav(page, "Assignments"));
  await hand.click(page.getByRole("link", { name: "Import…" }));
  await page.getByLabel("or paste lines").fill(people.map((one) => one.subject).join("\n"));
  await hand.choose(page.getByLabel("License", { exact: true }), "analyzer");
  await hand.click(page.getByRole("button", { name: "Check list" }));
  await expect(page.getByText("30 lines ready, no errors")).toBeVisible();
  await hand.click(page.getByRole("button", { name: "Review 30 lines…" }));
  await hand.click(page.getByRole("button", { name: "Apply 30 changes" }));
  await expect(page.getByText("30 done (of 30)")).toBeVisible();
  // Choosing the license is two of them.
  expect(hand.clicks).toBeLessThanOrEqual(7);
});

test("task 2: find 50 idle Professionals and downgrade them, 7 clicks", async ({ browser }) => {
  test.setTimeout(120_000);
  // A tenant of its own: consumption is read last of all, with what the limits leave over.
  const demo = await start(["demo", "--listen", "127.0.0.1:0", "--users", "600", "--assignments", "500", "--groups", "20"]);
  const page = await (await browser.newContext({ baseURL: address(demo.lines.at(-1)!) })).newPage();
  const hand = new Hand(page);
  await connect(page, undefined);
  const idle = page.getByRole("region", { name: "Idle seats" });
  // Consumption is read in the background.
  await expect(async () => {
    await page.reload();
    await expect(idle.getByRole("listitem").filter({ hasText: "Professional" })).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await hydrated(page);
  await hand.click(idle.getByRole("listitem").filter({ hasText: "Professional" }).getByRole("link"));
  await hydrated(page);
  await hand.click(rows(page).first());
  const shown = page.locator(".live .line:not(.top):not([hidden]) input");
  await hand.click(shown.nth(Math.min(50, await shown.count()) - 1), { modifiers: ["Shift"] });
  const bar = page.getByRole("toolbar", { name: "Selection" });
  await hand.click(bar.getByText("Change type…"));
  await hand.click(bar.locator('button[value="change:analyzer"]'));
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await confirm(page);
  await hand.click(page.getByRole("button", { name: /^Apply/ }));
  await expect(page.getByRole("heading", { level: 1, name: /^Job/ })).toBeVisible();
  expect(hand.clicks).toBeLessThanOrEqual(7);
  await page.context().close();
  await demo.stop();
});

test("task 3: remove the licenses of those who cannot sign in, 4 clicks", async ({ connected: page, tenant }) => {
  const hand = new Hand(page);
  const shut = new Set((await tenant.state()).users.filter((one) => ["disabled", "deleted"].includes(one.status)).map((one) => one.subject.toLowerCase()));
  const held = (await tenant.state()).assignments.filter((one) => shut.has(one.subject.toLowerCase())).length;
  await hydrated(page);
  await hand.click(page.getByRole("listitem").filter({ hasText: "disabled or deleted" }).getByRole("link", { name: "Review" }));
  await hydrated(page);
  await hand.click(page.locator(".live .top input"));
  const bar = page.getByRole("toolbar", { name: "Selection" });
  await hand.click(bar.getByText("Remove…"));
  const all = bar.getByRole("button", { name: /^All [\d,]+ licenses selected/ });
  if (await all.isVisible()) await hand.click(all);
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await confirm(page);
  await hand.click(page.getByRole("button", { name: /^Apply/ }));
  await expect(page.getByText(new RegExp(`${held} done \\(of ${held}\\)`))).toBeVisible({ timeout: 30_000 });
  // Where several license types are among them, which of them is one more.
  expect(hand.clicks).toBeLessThanOrEqual(5);
});

test("task 4: why somebody has admin rights, by keyboard and one choice", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const admin = state.roles.find((role) => role.level === "admin")!;
  const group = state.groups.find((one) => one.roles.includes(admin.id) && one.status === "active");
  await page.goto(`/t/meridian/assignments?role=${admin.id}`);
  await hydrated(page);
  const subject = new URL(await page.locator(".live .person-link").first().evaluate((link) => (link as HTMLAnchorElement).href)).searchParams.get("person")!;
  await page.goto("/t/meridian/overview");
  await hydrated(page);
  const hand = new Hand(page);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Page or command" })).toBeFocused();
  await page.keyboard.type(subject);
  const option = page.getByRole("option").filter({ hasText: subject }).filter({ hasText: "person" });
  await hand.click(option.first());
  const roles = page.getByRole("complementary").getByRole("region", { name: "Roles" });
  await expect(roles.getByRole("listitem").filter({ hasText: admin.name })).toContainText(/via |directly/);
  expect(hand.clicks).toBe(1);
  expect(group).toBeTruthy();
});

test("task 5: give a role to a group, 5 clicks", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const role = state.roles.find((one) => one.name === "Steward")!;
  const group = state.groups.find((one) => one.status === "active" && !one.roles.includes(role.id))!;
  const hand = new Hand(page);
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Page or command" })).toBeFocused();
  await page.keyboard.type(group.name);
  await hand.click(page.getByRole("option").filter({ hasText: group.name }).filter({ hasText: /group$/ }).first());
  await expect(page.getByRole("heading", { level: 1, name: group.name })).toBeVisible();
  await hand.click(page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) }));
  await hand.click(page.getByRole("button", { name: "Review 1 change" }));
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await confirm(page);
  await hand.click(page.getByRole("button", { name: "Apply 1 change" }));
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect((await tenant.state()).groups.find((one) => one.id === group.id)!.roles).toContain(role.id);
  expect(hand.clicks).toBeLessThanOrEqual(5);
});

test("tasks 6 and 7: undo a job in 2 clicks, and export for the auditor in 2", async ({ connected: page, tenant }) => {
  const before = pairs(await tenant.state());
  await page.goto("/t/meridian/assignments?license=none&status=active");
  await hydrated(page);
  await rows(page).first().click();
  const bar = page.getByRole("toolbar", { name: "Selection" });
  await bar.getByText("Assign…").click();
  await bar.locator('button[value="assign:analyzer"]').click();
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();

  await page.goto("/t/meridian/overview");
  await hydrated(page);
  const undo = new Hand(page);
  await undo.click(page.getByRole("button", { name: /^Undo 1 change of job/ }).first());
  await undo.click(page.getByRole("button", { name: "Apply 1 change" }));
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(before);
  expect(undo.clicks).toBeLessThanOrEqual(2);

  await page.goto("/t/meridian/overview");
  await hydrated(page);
  const auditor = new Hand(page);
  await auditor.click(nav(page, "Audit"));
  const download = page.waitForEvent("download");
  await auditor.click(page.getByRole("link", { name: "Export CSV" }));
  expect((await download).suggestedFilename()).toMatch(/\.csv$/);
  expect(auditor.clicks).toBeLessThanOrEqual(2);
});

test("task 8: who used Qlik longest ago is two clicks away; minutes of capacity are not in the table yet", async ({ connected: page }) => {
  const hand = new Hand(page);
  await hydrated(page);
  await hand.click(nav(page, "Assignments"));
  await hydrated(page);
  await hand.click(page.locator(".live .top").getByRole("link", { name: /Last used/ }).or(page.locator(".live .top").getByText("Last used")).first());
  await expect(page).toHaveURL(/sort=used/);
  expect(hand.clicks).toBe(2);
});
