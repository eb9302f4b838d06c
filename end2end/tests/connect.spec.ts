// Connecting by signing in at the tenant: with scripts and without, ended by the tenant and made again, and a job that goes on alone.
import { type Browser, type Page } from "@playwright/test";
import { accessible, bulk, expect, hydrated, test } from "../support/test";
import { served } from "../support/portal";

const OAUTH = () => '[tenants.north.oauth]\nclient_id = "portal"';

/** At the tenant: whoever has the first button is its admin. */
async function atTheTenant(page: Page) {
  await expect(page.getByRole("heading", { name: "Sign in to the simulated tenant" })).toBeVisible();
  await page.getByRole("button").first().click();
}

async function withPage(browser: Browser, url: string, options = {}) {
  return (await browser.newContext({ baseURL: url, ...options })).newPage();
}

test("people sign in at Qlik, and again where Qlik has ended it", async ({ browser }) => {
  await served("", async (url, _restart, [sim]) => {
    const page = await withPage(browser, url);
    await page.goto("/t/north/groups");
    await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toBeVisible();
    await hydrated(page);
    await accessible(page);
    await page.getByRole("link", { name: "Sign in at Qlik: North" }).click();
    await atTheTenant(page);
    await expect(page).toHaveURL(`${url}/t/north/groups`);
    await expect(page.getByRole("heading", { level: 1, name: "Groups" })).toBeVisible();
    await page.goto("/connect");
    await expect(page.getByRole("link", { name: "Open (connected)" })).toBeVisible();
    await page.goto("/t/north/sessions");
    await expect(page.getByText("runs out at Qlik by itself")).toBeVisible();

    // The tenant ends it: the page stays, says so, and leads to where it is made again.
    const state = await (await page.request.get(`${sim.url}/_sim/state`)).json();
    await sim.act({ revoke_oauth: { user: state.oauth[0].user } });
    await page.goto("/t/north/overview");
    await hydrated(page);
    await page.getByRole("button", { name: "Refresh" }).first().click();
    await expect(page.getByText("Your connection to North has expired or was revoked").first()).toBeVisible();
    await page.getByRole("link", { name: "Connect again" }).first().click();
    await page.getByRole("link", { name: "Connect again: North" }).click();
    await atTheTenant(page).catch(() => {});
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    await expect(page.getByText("has expired or was revoked")).toHaveCount(0);
  }, ["north"], OAUTH);
});

test("without scripts, and without keys", async ({ browser }) => {
  await served("", async (url) => {
    const page = await withPage(browser, url, { javaScriptEnabled: false });
    await page.goto("/");
    await expect(page.getByLabel("API key")).toHaveCount(0);
    await page.getByRole("link", { name: "Sign in at Qlik: North" }).click();
    await atTheTenant(page);
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    await page.getByRole("button", { name: "Disconnect" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toBeVisible();
  }, ["north"], () => `credentials = ["oauth"]\n${OAUTH()}`);
});

test("a job gets a connection of its own, and the room tells what it did", async ({ browser }) => {
  await served("", async (url, _restart, [sim]) => {
    const page = await withPage(browser, url);
    await page.goto("/");
    await page.getByRole("link", { name: "Sign in at Qlik: North" }).click();
    await atTheTenant(page);
    await page.goto("/t/north/assignments?license=none&status=active");
    await hydrated(page);
    await page.locator(".live .line:not(.top) input").first().click();
    await page.locator(".live .line:not(.top) input").nth(2).click({ modifiers: ["Shift"] });
    await bulk(page, "Assign…", "analyzer");
    await sim.options({ latency_ms: 3_000 });
    await page.getByRole("button", { name: "Apply 3 changes" }).click();
    await expect(page.getByText("the sign-in of its Qlik user")).toBeVisible({ timeout: 30_000 });
    await sim.options({ latency_ms: 1_500 });
    await page.getByRole("link", { name: "Keep it running without me" }).click();
    await page.waitForURL(/\/t\/north\/jobs\//, { timeout: 30_000 });
    await sim.options({ latency_ms: 0 });
    await expect(page.getByText("3 done (of 3)")).toBeVisible({ timeout: 30_000 });

    // One of its events, by keyboard, with both sides.
    await page.goto("/t/north/audit?action=assign&outcome=done");
    await hydrated(page);
    await page.getByRole("link", { name: /^Event No\./ }).first().focus();
    await page.keyboard.press("Enter");
    const panel = page.getByRole("complementary");
    await expect(panel.getByRole("heading", { name: /^Event No\./ })).toBeFocused();
    await expect(panel.getByRole("row", { name: "License none Analyzer" })).toBeVisible();
    await accessible(page);
    await panel.getByRole("link", { name: "Close" }).click();
    await expect(panel).toHaveCount(0);

    // As of yesterday, nobody of them held it.
    await page.goto("/t/north/audit");
    await page.getByRole("link", { name: "How it was on a day" }).click();
    await hydrated(page);
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel("On", { exact: true }).fill(yesterday);
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page.getByRole("heading", { name: "3 people held something else" })).toBeVisible();
    await accessible(page);
  }, ["north"], OAUTH);
});
