// A server by its configuration file, with two tenants: each has its own key, and one switches between them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "../support/test";
import { served } from "../support/portal";

test("two tenants, each with its own key", async ({ browser }) => {
  await served("", async (url) => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.getByText("South").click();
    await page.getByLabel("API key").fill("key-of-2");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page).toHaveURL(/\/t\/south\/overview/);
    await page.getByRole("navigation", { name: "Main" }).getByText("South").click();
    await page.getByRole("link", { name: "North" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toBeVisible();
    await page.getByLabel("API key").fill("key-of-1");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page).toHaveURL(/\/t\/north\/overview/);
    await page.goto(`${url}/t/south/groups`);
    await expect(page.getByRole("heading", { level: 1, name: "Groups" })).toBeVisible();
  }, ["north", "south"]);
});

test("faults of a configuration are told all at once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-"));
  const config = join(folder, "Leptos.toml");
  writeFileSync(config, '[server]\nlisten = "nowhere"\nlistem = 1\n');
  const checked = spawnSync(process.env.QUARTERMASTER_BIN ?? "quartermaster", ["check-config", "--config", config], { encoding: "utf8" });
  rmSync(folder, { recursive: true, force: true });
  expect(checked.status).toBe(1);
  expect(checked.stderr).toContain("Leptos.toml:2");
  expect(checked.stderr).toContain("Leptos.toml:3");
});
