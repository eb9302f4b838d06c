// What the hand does before the program takes a page over stays and counts, on every page with a control.
import { enter, expect, filter, hydrated, test } from "../support/test";
import type { Page } from "@playwright/test";

/** The program comes only when it is let through. */
async function held(page: Page, path: string) {
  let release = () => {};
  const gate = new Promise<void>((open) => (release = open));
  await page.route("**/*.wasm*", async (route) => {
    await gate;
    await route.continue().catch(() => {});
  });
  await page.goto(path, { waitUntil: "commit" });
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  return async () => {
    release();
    await hydrated(page);
    await page.unroute("**/*.wasm*");
  };
}

test("filters that were chosen early are what is shown", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  const go = await held(page, "/t/meridian/assignments");
  await page.getByLabel("Search name, subject or email").fill("meridian");
  await (await filter(page, "License type")).getByRole("checkbox", { name: /^Analyzer \d/ }).check();
  await (await filter(page, "Last used")).getByLabel("no use on record").check();
  await go();
  await expect(page.getByLabel("Search name, subject or email")).toHaveValue("meridian");
  await expect(page).toHaveURL(/allotment=analyzer/);
  await expect(page).toHaveURL(/q=meridian/);
  await expect(page).toHaveURL(/used=never/);
});

test("rows that were ticked early are selected", async ({ connected: page }) => {
  await page.goto("/t/meridian/assignments");
  await hydrated(page);
  const go = await held(page, "/t/meridian/assignments?license=any");
  const boxes = page.locator(".rows .line:not(.top) input[type=checkbox]");
  await boxes.nth(0).check();
  await boxes.nth(2).check();
  await go();
  await expect(page.getByText("2 selected")).toBeVisible();
});

for (const [name, path, act, check] of [
  ["pasted list", "lists", (page: Page) => page.getByLabel("or paste lines").fill("a@b.example"), (page: Page) => expect(page.getByLabel("or paste lines")).toHaveValue("a@b.example")],
  ["what a list is for", "lists", (page: Page) => page.getByText("Remove", { exact: true }).click(), (page: Page) => expect(page.getByRole("radio", { name: /^Remove / })).toBeChecked()],
  ["a search for groups", "groups", (page: Page) => page.getByRole("searchbox").or(page.getByRole("textbox")).first().fill("fin"), (page: Page) => expect(page.getByRole("searchbox").or(page.getByRole("textbox")).first()).toHaveValue("fin")],
  ["a setting", "settings", (page: Page) => page.getByRole("checkbox", { name: /^Professional/ }).click(), async (page: Page) => expect(page.getByRole("button", { name: "Review change…" }).first()).toBeEnabled()],
] as const) {
  test(`${name} stays`, async ({ connected: page, person }) => {
    test.skip(person !== "" && path === "settings", "settings are for the role admin");
    await page.goto(`/t/meridian/${path}`);
    await hydrated(page);
    const go = await held(page, `/t/meridian/${path}`);
    await act(page);
    await go();
    await check(page);
  });
}

test("roles that were ticked early are planned", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const group = state.groups.find((one) => one.roles.length >= 1)!;
  const role = state.roles.find((one) => one.level === "user" && !group.roles.includes(one.id))!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  const go = await held(page, `/t/meridian/groups/${group.id}`);
  await page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) }).check();
  await go();
  await expect(page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) })).toBeChecked();
  await page.getByRole("button", { name: "Review 1 change" }).click();
  await expect(page.getByRole("heading", { level: 1, name: new RegExp(`Set roles of ${group.name}`) })).toBeVisible();
});

test("a key that was typed early connects", async ({ page, tenant: _ }) => {
  await enter(page);
  const go = await held(page, "/connect");
  await page.getByLabel("API key").fill("demo-admin-key");
  await go();
  await expect(page.getByLabel("API key")).toHaveValue("demo-admin-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});
