// Everything by keyboard from anywhere: the palette, the list of keys, and ids that copy themselves.
import { accessible, expect, hydrated, test } from "../support/test";

test("the palette leads to pages, actions and people", async ({ connected: page }) => {
  await hydrated(page);
  const palette = page.getByRole("dialog", { name: "Search or run a command" });
  const box = palette.getByRole("combobox");
  await page.keyboard.press("Control+k");
  await expect(box).toBeFocused();
  for (const name of ["Overview", "Assignments", "Groups", "Import list", "Plans", "Jobs", "Audit", "Settings", "Sessions", "Keyboard shortcuts"]) {
    await expect(palette.getByRole("option", { name: new RegExp(`^${name}`) })).toBeAttached();
  }
  await accessible(page);
  await page.keyboard.type("aud");
  await expect(palette.getByRole("option").first()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Audit" })).toBeVisible();

  // What the page offers is there by its name, and is pressed.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("refresh");
  await page.keyboard.press("Escape");
  await expect(palette).toBeHidden();
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("assign…");
  await page.keyboard.press("Enter");
  // What it can be done with is a choice of its own.
  await page.locator(".bar button[value='assign:analyzer']").click();
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();

  // Somebody by name; arrows go round.
  await hydrated(page);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("meridian\\a");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/assignments\?q=meridian%5Ca/);
});

test("the palette only goes to what takes something away", async ({ connected: page, tenant }) => {
  const before = (await tenant.state()).assignments.length;
  await page.goto("/t/meridian/assignments?allotment=analyzer");
  await hydrated(page);
  await page.locator(".live a.person-link").first().click();
  await expect(page.getByRole("complementary")).toBeVisible();
  await page.getByText("Change license", { exact: true }).click();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("remove analyzer");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Remove Analyzer license" })).toBeFocused();
  expect((await tenant.state()).assignments.length).toBe(before);
});

test("a question mark lists the keys, but not while one types", { tag: "@reads" }, async ({ connected: page }) => {
  await hydrated(page);
  const keys = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("?");
  await expect(keys).toBeVisible();
  await accessible(page);
  await page.keyboard.press("Escape");
  await expect(keys).toBeHidden();
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  await page.getByLabel("Search name, subject or email").fill("");
  await page.getByLabel("Search name, subject or email").press("?");
  await expect(page.getByLabel("Search name, subject or email")).toHaveValue("?");
  await expect(keys).toBeHidden();
});

test("an id copies itself", { tag: "@reads" }, async ({ connected: page, tenant, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/t/meridian/assignments?license=any");
  await hydrated(page);
  await page.locator(".live a.person-link").nth(1).click();
  const side = page.getByRole("complementary");
  const id = side.locator("button.copy").nth(1);
  await id.click();
  await expect(side.getByText("copied")).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect((await tenant.state()).users.map((user) => user.id)).toContain(copied);
});

test("single keys lead to pages, to the search and to a row, and can be switched off", { tag: "@reads" }, async ({ connected: page }) => {
  await hydrated(page);
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await expect(page.getByRole("heading", { level: 1, name: "Assignments" })).toBeVisible();
  await hydrated(page);
  await page.keyboard.press("/");
  const search = page.getByLabel("Search name, subject or email");
  await expect(search).toBeFocused();
  // While one types, a letter is a letter.
  await page.keyboard.type("gj");
  await expect(search).toHaveValue("gj");
  await search.fill("");
  await page.locator(".live a.person-link").first().focus();
  await page.keyboard.press("x");
  await expect(page.getByRole("toolbar", { name: "Selection" }).getByRole("status")).toHaveText(/^1 selected/);
  await page.keyboard.press("x");
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(keys).toBeVisible();
  await accessible(page);
  await keys.getByRole("checkbox").uncheck();
  await page.keyboard.press("Escape");
  await page.locator("h1").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.waitForTimeout(500);
  await expect(page.getByRole("heading", { level: 1, name: "Assignments" })).toBeVisible();
});
