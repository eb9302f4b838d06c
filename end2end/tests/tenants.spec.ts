// A server by its configuration file, with two tenants: each has its own key, and one switches between them.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "../support/test";
import { address, freePort, start, type Running } from "../support/portal";

test("two tenants, each with its own key", async ({ browser }) => {
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-"));
  const running: Running[] = [];
  try {
    const sims: string[] = [];
    for (const seed of ["1", "2"]) {
      const sim = await start(["--listen", "127.0.0.1:0", "--users", "80", "--assignments", "60", "--groups", "5", "--seed", seed, "--api-key", `key-of-${seed}`], {}, process.env.QLIK_SIM_BIN ?? "qlik-sim");
      running.push(sim);
      sims.push(address(sim.lines[0]));
    }
    const port = await freePort();
    const config = join(folder, "Leptos.toml");
    writeFileSync(config, `
[server]
listen = "127.0.0.1:${port}"
[storage]
url = "sqlite://${join(folder, "qm.db")}"
[secrets]
master_key_file = "${join(folder, "qm.key")}"
[tenants.north]
name = "North"
url = "${sims[0]}"
[tenants.south]
name = "South"
url = "${sims[1]}"
`);
    running.push(await start(["serve", "--config", config]));
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
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
    await page.goto(`http://127.0.0.1:${port}/t/south/groups`);
    await expect(page.getByRole("heading", { level: 1, name: "Groups" })).toBeVisible();
  } finally {
    for (const program of running) await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
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
