// Every page: nothing that axe finds in light and dark, nothing sideways at 320 px, and the keyboard alone suffices.
import { accessible, bulk, expect, hydrated, test } from "../support/test";

const pages: [string, string][] = [
  ["overview", "Overview"], ["assignments", "Assignments"], ["groups", "Groups"], ["plans", "Plans"],
  ["jobs", "Jobs"], ["audit", "Audit"], ["settings", "Settings"], ["sessions", "Sessions"], ["lists", "Import list"],
];

test("axe finds nothing on any page, and nothing scrolls sideways", { tag: "@reads" }, async ({ connected: page, tenant }) => {
  test.setTimeout(180_000);
  const group = (await tenant.state()).groups.find((g) => g.roles.length > 2)!;
  for (const [path, heading] of [...pages, [`groups/${group.id}`, group.name] as [string, string], ["groups/new", "New group"] as [string, string], ["groups/history", "History of groups"] as [string, string], ["groups/licenses", "Licenses by group"] as [string, string]]) {
    await page.setViewportSize({ width: 1600, height: 1000 });
    await page.goto(`/t/meridian/${path}`);
    await hydrated(page);
    await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
    await accessible(page);
    await page.setViewportSize({ width: 320, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${path} at 320 px`).toBeLessThanOrEqual(320);
  }
  await page.setViewportSize({ width: 1600, height: 1000 });
  await page.goto("/connect");
  await hydrated(page);
  await accessible(page);
});

test("axe finds nothing in the panel, in a plan and in its job", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.locator("a.person-link").first().click();
  await expect(page.getByRole("complementary")).toBeVisible();
  await accessible(page);
  await page.setViewportSize({ width: 320, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth), "the panel at 320 px").toBeLessThanOrEqual(320);
  await page.setViewportSize({ width: 1600, height: 1000 });
  await bulk(page, "Assign…", "analyzer");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await accessible(page);
  await page.getByRole("button", { name: /^Apply/ }).click();
  await expect(page.getByText("finished", { exact: true })).toBeVisible();
  await accessible(page);
});

test("a route change moves the focus to the heading", { tag: "@reads" }, async ({ connected: page }) => {
  await hydrated(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Groups" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Groups" })).toBeFocused();
  await expect(page).toHaveTitle("Groups · Quartermaster");
});

test("the theme is chosen before any script", { tag: "@reads" }, async ({ connected: page }) => {
  await page.goto("/t/meridian/settings");
  await hydrated(page);
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  // The page turns at once; the cookie comes with the answer a moment later.
  await expect.poll(async () => (await (await page.request.get("/t/meridian/settings")).text()).includes('data-theme="dark"')).toBe(true);
  await page.getByRole("button", { name: "Match system" }).click();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme", /./);
});

test("the main job by keyboard alone", async ({ connected: page, tenant }) => {
  const before = (await tenant.state()).assignments.length;
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  const tabTo = async (match: () => Promise<boolean>) => {
    for (let n = 0; n < 300; n++) {
      if (await match()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error("not reached by Tab");
  };
  const focused = (selector: string) => page.evaluate((s) => !!document.activeElement?.matches(s), selector);
  const named = (text: string) => page.evaluate((t) => (document.activeElement?.textContent ?? "").includes(t) && ["BUTTON", "SUMMARY"].includes(document.activeElement!.tagName), text);
  await tabTo(() => focused(".live .line:not(.top) input"));
  await page.keyboard.press("Space");
  await expect(page.getByText("1 selected")).toBeVisible();
  await tabTo(() => named("Assign…"));
  await page.keyboard.press("Enter");
  await tabTo(() => named("Analyzer"));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await tabTo(() => named("Apply 1 change"));
  await page.keyboard.press("Enter");
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect((await tenant.state()).assignments.length).toBe(before + 1);
});
