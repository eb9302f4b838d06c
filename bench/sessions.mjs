// What signing in costs: the same page of a portal that people sign in to, among 10,000 live sessions, and of one where nobody is asked.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { freePort } from "../end2end/support/ports.mjs";
import { browser, median, start } from "./lib.mjs";

const SESSIONS = 10_000;
const TIMES = 400;
const PROVIDER = fileURLToPath(new URL("../examples/oidc-provider/provider.mjs", import.meta.url));

export async function sessions() {
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-sessions-"));
  const running = [];
  try {
    const sim = await start(process.env.QLIK_SIM_BIN, ["--listen", "127.0.0.1:0", "--users", "1200", "--assignments", "900", "--groups", "60", "--api-key", "bench-key"]);
    running.push(sim);
    const portal = async (name, auth) => {
      const [port, key] = [await freePort(), join(folder, `${name}.audit`)];
      writeFileSync(key, "0123456789abcdef0123456789ABCDEF", { mode: 0o600 });
      const [url, store] = [`http://127.0.0.1:${port}`, `sqlite://${join(folder, `${name}.db`)}`];
      const more = auth ? await auth(url, store, key) : "";
      writeFileSync(join(folder, `${name}.toml`), `[server]\nlisten = "127.0.0.1:${port}"\n[storage]\nurl = "${store}"\n[secrets]\nmaster_key_file = "${join(folder, `${name}.key`)}"\naudit_key_file = "${key}"\n[tenants.meridian]\nurl = "${sim.url}"\n${more}`);
      const server = await start(process.env.QUARTERMASTER_BIN, ["serve", "--config", join(folder, `${name}.toml`)]);
      running.unshift(server);
      return url;
    };
    const none = await portal("none");
    const oidc = await portal("oidc", async (url, store, key) => {
      execFileSync("cargo", ["run", "--quiet", "--release", "--locked", "-p", "storage", "--example", "many_sessions", "--", store, key, `${SESSIONS}`], { stdio: "inherit" });
      writeFileSync(join(folder, "people.json"), JSON.stringify([{ sub: "otto", name: "Otto Operator", groups: ["staff"] }]));
      const provider = await start(process.execPath, [PROVIDER, "--listen", "127.0.0.1:0", "--portal", url, "--people", join(folder, "people.json")]);
      running.push(provider);
      return `[auth]\nmode = "oidc"\n[auth.oidc]\nissuer = "${provider.url}"\nclient_id = "quartermaster"\n[auth.roles]\noperator = ["group:staff"]\n`;
    });
    const chromium = await browser();
    const cookie = async (url, person) => {
      const context = await chromium.newContext();
      const page = await context.newPage();
      await page.goto(url);
      if (person) await page.locator(`button[name=person][value=${person}]`).click();
      await page.getByLabel("API key").fill("bench-key");
      await page.getByRole("button", { name: "Connect" }).click();
      await page.waitForURL(/overview/);
      await page.waitForSelector('[role="meter"]');
      const cookies = await context.cookies();
      return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    };
    const asked = [{ url: none, cookie: await cookie(none) }, { url: oidc, cookie: await cookie(oidc, "otto") }];
    await chromium.close();
    const times = [[], []];
    const one = async ({ url, cookie }) => {
      const began = performance.now();
      const answer = await fetch(`${url}/t/meridian/overview`, { headers: { cookie } });
      const text = await answer.text();
      if (!text.includes('role="meter"')) throw new Error(`${url}: ${answer.status}`);
      return performance.now() - began;
    };
    // In turns, each first every other time, so that neither has the machine at a better moment.
    for (let at = 0; at < TIMES; at += 1) {
      for (const which of at % 2 ? [0, 1] : [1, 0]) times[which].push(await one(asked[which]));
    }
    const [without, within] = times.map((list) => median(list));
    const ratio = within / without;
    return `## A page among 10,000 sessions

The overview of 1,200 users as a whole page, ${TIMES} times each in turns, one at a time; SQLite, ${SESSIONS.toLocaleString("en-US")} live sessions of as many people in the database of the
second. Each request computes the role from the session and the configuration.

| | median, ms |
|---|---|
| \`auth.mode = "none"\` | ${without.toFixed(2)} |
| \`auth.mode = "oidc"\` | ${within.toFixed(2)} |
| ratio, goal 1.10 | ${ratio.toFixed(2)}, **${ratio <= 1.1 ? "met" : "missed"}** |
`;
  } finally {
    for (const program of running) await program.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
