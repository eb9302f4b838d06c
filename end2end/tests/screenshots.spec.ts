// Pictures of every page, light and dark, wide and narrow, into docs/screenshots. Run by script/screenshots.
import { mkdirSync } from "node:fs";
import type { Page } from "@playwright/test";
import { served } from "../support/portal";
import { be, provider } from "../support/provider";
import { bulk, expect, hydrated, test } from "../support/test";

const OUT = process.env.SCREENSHOTS!;

async function picture(page: Page, name: string) {
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [1600, 390]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: width === 1600 ? 1000 : 844 });
      await page.screenshot({ path: `${OUT}/${name}-${scheme}${width === 390 ? "-narrow" : ""}.png` });
    }
  }
  await page.setViewportSize({ width: 1600, height: 1000 });
}

// Seats that are told as idle are to be idle.
test.use({ keepDays: 0 });

test("pictures", async ({ connected: page, tenant }) => {
  test.setTimeout(180_000);
  mkdirSync(OUT, { recursive: true });
  const shoot = (name: string) => picture(page, name);
  const go = async (path: string, heading: string | RegExp) => {
    await page.goto(path);
    await hydrated(page);
    await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
  };
  // A job with refusals first, so that the other pages have something to show.
  await go("/t/meridian/assignments?license=none", "Assignments");
  await page.locator(".live .line:not(.top) input").first().click();
  await page.locator(".live .line:not(.top) input").nth(24).click({ modifiers: ["Shift"] });
  await bulk(page, "Assign…", "professional");
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
  await shoot("plan");
  await page.getByRole("button", { name: /^Apply/ }).click();
  await expect(page.getByText("finished", { exact: true })).toBeVisible();
  await shoot("job");
  await go("/t/meridian/assignments?allotment=professional", "Assignments");
  await page.locator(".live .line:not(.top) input").first().click();
  await page.locator(".live .line:not(.top) input").nth(4).click({ modifiers: ["Shift"] });
  await shoot("assignments");
  await bulk(page, "Change type…", "analyzer");
  await page.getByRole("button", { name: /^Apply/ }).click();
  await expect(page.getByText("finished", { exact: true })).toBeVisible();
  // Consumption is read in the background.
  await expect(async () => {
    await go("/t/meridian/overview", "Overview");
    await expect(page.getByRole("region", { name: "Idle seats" })).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await shoot("overview");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("s");
  await shoot("palette");
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("?");
  await shoot("keys");
  await page.keyboard.press("Escape");
  await go("/t/meridian/groups", "Groups");
  await shoot("groups");
  await page.locator(".live .line:not(.top) input").nth(1).check();
  await page.locator(".live .line:not(.top) input").nth(3).check();
  await page.locator(".bar summary").filter({ hasText: "Edit roles…" }).click();
  await shoot("groups-roles");
  await go("/t/meridian/groups/matrix", "Groups and roles");
  for (const [row, nth] of [[1, 2], [2, 5], [4, 1]]) await page.locator(".matrix .line:not(.top)").nth(row).locator(`[data-nth="${nth}"]`).click();
  await shoot("matrix");
  await page.getByRole("button", { name: "Discard changes" }).click();
  await go("/t/meridian/roles", "Roles");
  await shoot("roles");
  await go("/t/meridian/groups/history", "History of groups");
  await page.getByRole("button", { name: "Use the current state as baseline" }).click();
  await expect(page.getByText("Replace or remove…", { exact: true })).toBeVisible();
  const [changed, emptied, deleted] = (await tenant.state()).groups.filter((g) => g.roles.length > 2);
  const [one, another] = (await tenant.state()).users.filter((user) => user.status === "active").slice(20);
  await tenant.act({ by: one.id, set_group_roles: { id: changed.id, roles: [...changed.roles.slice(2), (await tenant.state()).roles.find((r) => !changed.roles.includes(r.id))!.id] } });
  await tenant.act({ by: another.id, set_group_roles: { id: emptied.id, roles: [] } });
  await tenant.act({ by: one.id, delete_group: deleted.id });
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.getByRole("heading", { level: 2, name: /^3 groups differ/ })).toBeVisible();
  await shoot("history");
  await page.getByText("Replace or remove…", { exact: true }).click();
  await page.getByRole("button", { name: "Remove baseline" }).click();
  await go("/t/meridian/groups/licenses", "Licenses by group");
  const { groups: all, users } = await tenant.state();
  const busy = all.toSorted((a, b) => users.filter((u) => u.groups.includes(b.id)).length - users.filter((u) => u.groups.includes(a.id)).length);
  for (const [group, license] of [[busy[1], "Analyzer"], [busy[3], "Professional"]] as const) {
    await page.getByLabel("Everyone in").fill(group.name);
    await page.getByLabel("is to hold").selectOption({ label: license });
    await page.getByRole("button", { name: "Tie", exact: true }).click();
    await expect(page.getByRole("button", { name: `Untie ${license} from ${group.name}` })).toBeVisible();
  }
  const leaver = users.find((u) => u.status === "active" && u.groups.includes(busy[1].id) && !u.groups.includes(busy[3].id))!;
  await tenant.act({ set_user_groups: { id: leaver.id, groups: leaver.groups.filter((id) => id !== busy[1].id) } });
  await page.getByRole("button", { name: "Refresh" }).click();
  await shoot("licenses");
  for (const name of [busy[1].name, busy[3].name]) await page.getByRole("button", { name: new RegExp(`^Untie .* from ${name}$`) }).click();
  await go("/t/meridian/groups/new", "New group");
  await shoot("group-new");
  const group = (await tenant.state()).groups.find((g) => g.roles.length > 3)!;
  await go(`/t/meridian/groups/${group.id}`, group.name);
  await page.locator("form.roles input[type=checkbox]").nth(2).click();
  await page.locator("form.roles input[type=checkbox]:checked").last().click();
  await shoot("group");
  const other = group.roles.slice(1);
  await tenant.act({ set_group_roles: { id: group.id, roles: other } });
  await page.getByRole("button", { name: /^Review \d/ }).click();
  await expect(page.getByText("This group changed")).toBeVisible();
  await shoot("group-conflict");
  // By now it is known who used Qlik when.
  await go("/t/meridian/assignments?license=any&sort=used", "Assignments");
  await page.locator("a.person-link").nth(3).click();
  await page.getByRole("complementary").getByText("Change license", { exact: true }).click();
  await page.getByRole("complementary").getByRole("button", { name: /^Change license to/ }).first().click();
  await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
  await shoot("person");
  await go("/t/meridian/lists", "Import list");
  const subjects = (await tenant.state()).users.filter((user) => user.status === "active").slice(0, 5).map((user) => user.subject);
  await page.getByLabel("or paste lines").fill(["Subject;Licence", `${subjects[0]};Analyzer`, `${subjects[1]}x;Analyzer`, `${subjects[2]};analyser`, `${subjects[3]};Analyzer capacity`, ";Professional"].join("\n"));
  await shoot("list-import");
  await page.getByRole("button", { name: "Check list" }).click();
  await expect(page.getByText(/4 errors/)).toBeVisible();
  await hydrated(page);
  await shoot("list-faults");
  await go("/t/meridian/sessions", "Sessions");
  await shoot("sessions");
  await go("/t/meridian/settings", "Settings");
  await shoot("settings");
  await go("/t/meridian/plans", "Plans");
  await shoot("plans");
  await go("/t/meridian/jobs", "Jobs");
  await shoot("jobs");
  await go("/t/meridian/audit", "Audit");
  await shoot("audit");
  await page.locator("tr", { hasText: "change type" }).getByRole("link", { name: /^Event No\./ }).first().click().catch(async () => {
    await page.getByRole("link", { name: /^Event No\./ }).first().click();
  });
  await expect(page.getByRole("complementary").getByRole("heading", { name: /^Event No\./ })).toBeVisible();
  await shoot("audit-event");
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  await go(`/t/meridian/audit/then?at=${yesterday}`, "How it was");
  await shoot("audit-then");
  await page.getByRole("button", { name: "Disconnect" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toBeVisible();
  await shoot("connect");
});

test("pictures of connecting by signing in", async ({ browser }) => {
  mkdirSync(OUT, { recursive: true });
  await served("", async (url, _restart, [sim]) => {
    const page = await (await browser.newContext({ baseURL: url, viewport: { width: 1600, height: 1000 } })).newPage();
    await page.goto("/");
    await hydrated(page);
    await picture(page, "connect-qlik");
    const enter = async (button: number) => {
      await expect(page.getByRole("heading", { name: "Sign in to the simulated tenant" })).toBeVisible();
      await page.getByRole("button").nth(button).click();
    };
    await page.getByRole("link", { name: "Sign in at Qlik: North" }).click();
    await enter(0);
    await page.goto("/t/north/assignments?license=none&status=active");
    await hydrated(page);
    await page.locator(".live .line:not(.top) input").first().click();
    await page.locator(".live .line:not(.top) input").nth(2).click({ modifiers: ["Shift"] });
    await bulk(page, "Assign…", "analyzer");
    await sim.options({ latency_ms: 4_000 });
    await page.getByRole("button", { name: "Apply 3 changes" }).click();
    await expect(page.getByText("Keep it running without me")).toBeVisible({ timeout: 30_000 });
    await picture(page, "job-by-sign-in");
    await sim.options({ latency_ms: 0 });
    await expect(page.getByText("3 done (of 3)")).toBeVisible({ timeout: 30_000 });
    await page.goto("/t/north/sessions");
    await hydrated(page);
    await picture(page, "sessions-qlik");
    const state = await (await page.request.get(`${sim.url}/_sim/state`)).json();
    await sim.act({ revoke_oauth: { user: state.oauth[0].user } });
    await page.goto("/t/north/overview");
    await hydrated(page);
    await page.getByRole("button", { name: "Refresh" }).first().click();
    await expect(page.getByText("has expired or was revoked").first()).toBeVisible();
    await picture(page, "connection-lost");
    await page.goto("/connect");
    await picture(page, "connect-lost");
  }, ["north", "south"], (name) => (name === "north" ? '[tenants.north.oauth]\nclient_id = "portal"' : ""));
  await served("", async (url) => {
    const page = await (await browser.newContext({ baseURL: url, viewport: { width: 1600, height: 1000 } })).newPage();
    await page.goto("/");
    await hydrated(page);
    await picture(page, "connect-qlik-only");
  }, ["north", "south"], (name) => `credentials = ["oauth"]\n[tenants.${name}.oauth]\nclient_id = "portal"`);
});

test("pictures of signing in", async ({ browser }) => {
  test.setTimeout(180_000);
  mkdirSync(OUT, { recursive: true });
  let company: Awaited<ReturnType<typeof provider>> | undefined;
  try {
    await served(
      async (url) => (company = await provider(url, "[auth.plans]\nstep_up_rows = 3\nfour_eyes_rows = 10")).config,
      async (url) => {
        const fresh = async () => (await browser.newContext({ baseURL: url, viewport: { width: 1600, height: 1000 } })).newPage();
        for (const [who, name] of [["nora", "no-role"], ["many", "no-role-many-groups"]]) {
          const page = await fresh();
          await page.goto("/");
          await be(page, who);
          await picture(page, name);
        }
        const arrive = async (who: string) => {
          const page = await fresh();
          await page.goto("/t/north/overview");
          await be(page, who);
          await page.getByLabel("API key").fill("key-of-1");
          await page.getByRole("button", { name: "Connect" }).click();
          await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
          return page;
        };
        await arrive("wide");
        const ada = await arrive("ada");
        const plan = async (rows: number) => {
          await ada.goto("/t/north/assignments?allotment=analyzer,professional");
          await hydrated(ada);
          await ada.locator(".live .line:not(.top) input").first().click();
          await ada.locator(".live .line:not(.top) input").nth(rows - 1).click({ modifiers: ["Shift"] });
          const bar = ada.getByRole("toolbar", { name: "Selection" });
          await bar.getByText("Remove…").first().click();
          const all = bar.getByRole("button", { name: /^All / });
          if (await all.count()) await all.click();
          await expect(ada.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
          await hydrated(ada);
        };
        await plan(5);
        await picture(ada, "plan-to-confirm");
        await plan(20);
        const address = ada.url();
        await ada.goto("/t/north/sessions");
        await hydrated(ada);
        await picture(ada, "sessions-of-everyone");
        const otto = await arrive("otto");
        await otto.goto(address);
        await hydrated(otto);
        await picture(otto, "plan-to-approve");
        const vera = await arrive("vera");
        await vera.goto("/t/north/assignments?license=none");
        await hydrated(vera);
        await vera.locator(".live .line:not(.top) input").first().click();
        await picture(vera, "assignments-as-viewer");
        const refused = await fresh();
        await refused.goto("/auth/callback?state=x&code=y");
        await picture(refused, "sign-in-refused");
      },
    );
  } finally {
    await company?.stop();
  }
});
