// The test with its portal: a fresh tenant for each test, and a guard against console errors and policy reports.
import { test as base, expect, type Page } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address, start } from "./portal";
import { freePort } from "./ports.mjs";
import { be, provider } from "./provider";
import { Sim } from "./sim";

export const KEY = "demo-admin-key";
export type Portal = { url: string; sim: Sim };
export type Options = { keepDays: number };
type Fixtures = { guard: string[]; tenant: Sim; connected: Page };

/** Whom the browsers of this worker sign in as, where people sign in. */
let signsInAs = "";

export const test = base.extend<Fixtures & Options, { storage: string; person: string; portal: Portal }>({
  /** Days of consumption that the tenant lists; all of it with 0. */
  keepDays: [7, { option: true }],
  storage: ["", { option: true, scope: "worker" }],
  person: ["", { option: true, scope: "worker" }],
  portal: [
    async ({ storage, person }, use) => {
      const listen = `127.0.0.1:${person ? await freePort() : 0}`;
      const args = ["demo", "--listen", listen, "--users", "1200", "--assignments", "900", "--groups", "60"];
      const company = person ? await provider(`http://${listen}`) : undefined;
      const folder = mkdtempSync(join(tmpdir(), "quartermaster-auth-"));
      if (company) {
        writeFileSync(join(folder, "auth.toml"), company.config);
        args.push("--auth", join(folder, "auth.toml"));
      }
      signsInAs = person;
      const running = await start(storage ? [...args, "--storage", storage] : args);
      await use({ url: address(running.lines.at(-1)!), sim: new Sim(address(running.lines[0])) });
      await running.stop();
      await company?.stop();
      rmSync(folder, { recursive: true, force: true });
      expect(running.errors(), "the server never panics").not.toContain("panicked");
    },
    { scope: "worker" },
  ],
  baseURL: async ({ portal }, use) => use(portal.url),
  tenant: async ({ portal, keepDays }, use) => {
    await portal.sim.reset(keepDays);
    await use(portal.sim);
  },
  // What the page complained of; a test may take an expected line out.
  guard: [
    async ({ page, person }, use) => {
      const complaints: string[] = [];
      // The provider's page has no picture of its own, and a browser asks for one.
      const theirs = (url: string) => url.endsWith("/favicon.ico");
      // Who may only read is refused the page that takes lists in, and a browser writes each refusal down.
      const refused = (url: string) => person === "vera" && url.endsWith("/lists");
      page.on("console", (message) => message.type() === "error" && !theirs(message.location().url) && !refused(message.location().url) && complaints.push(`console: ${message.text()} (${message.location().url})`));
      page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
      await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) => {
          console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
        });
      });
      await use(complaints);
      expect(complaints, "no console error and no policy report").toEqual([]);
    },
    { auto: true },
  ],
  connected: async ({ page, tenant }, use) => {
    await connect(page, tenant);
    await use(page);
  },
});

export { expect };

/** Opens the portal, signed in where people sign in. */
export async function enter(page: Page, path = "/") {
  await page.goto(path);
  if (signsInAs && (await page.locator("button[name=person]").count())) await be(page, signsInAs);
}

/** Types the key and waits for the overview. */
export async function connect(page: Page, _tenant?: Sim, key = KEY) {
  await enter(page);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
}

/** Opens what the bar of the selection can do and takes the license: a plan follows. */
export async function bulk(page: Page, action: "Assign…" | "Change type…", license: string) {
  const bar = page.getByRole("toolbar", { name: "Selection" });
  await bar.locator("summary").filter({ hasText: action }).click();
  await bar.locator(`button[value="${action === "Assign…" ? "assign" : "change"}:${license}"]`).click();
}

/** Opens a filter of the assignments table by its name, wherever it stands, and returns its menu. */
export async function filter(page: Page, name: string) {
  const chip = page.locator("details[data-field]").filter({ has: page.locator("summary", { hasText: new RegExp(`^${name}:`) }) });
  if (await chip.evaluate((menu) => menu.hasAttribute("open"))) return chip.locator(".sheet");
  if (await chip.locator("summary").isVisible()) {
    await chip.locator("summary").click();
  } else {
    await page.getByText("Add filter").click();
    await page.locator(".add").getByRole("button", { name, exact: true }).click();
  }
  return chip.locator(".sheet");
}

/** Types what a plan asks for before it is applied, where it asks. */
export async function confirm(page: Page) {
  const asks = page.locator("label.confirm");
  if (await asks.count()) await asks.getByRole("textbox").fill((await asks.innerText()).match(/^Type ([\d,]+) to/)![1].replaceAll(",", ""));
}

/** Waits until the program has taken the page over and the tenant is read, and where there is a table of assignments until all its rows are here. */
export async function hydrated(page: Page) {
  await page.waitForFunction(() => document.documentElement.hasAttribute("data-ready"));
  await page.waitForFunction(() => !document.querySelector(".fit") || document.querySelector(".live, .fit .note, .fit .empty"));
  await expect(page.getByRole("progressbar", { name: "Rows loaded" })).toBeHidden({ timeout: 30_000 });
}

/** Nothing that axe finds, in light, in dark and in forced colors. */
export async function accessible(page: Page) {
  // Between two pages the title is the last thing to come.
  await expect(page).toHaveTitle(/./);
  for (const media of [{ colorScheme: "light" }, { colorScheme: "dark" }, { colorScheme: "dark", forcedColors: "active" }] as const) {
    await page.emulateMedia(media);
    // Colors turn with the next frames.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
    expect(found.violations.map((v) => `${Object.values(media).join(" ")} ${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} (${n.any[0]?.message ?? ""})`).join(" | ")}`)).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null, forcedColors: null });
}
