// Bad input and bad weather: the person reads what happened and what to do, and nothing is lost or half-shown as done.
import { bulk, connect, expect, hydrated, test, enter } from "../support/test";
import { free, pairs } from "../support/sim";
import type { Page } from "@playwright/test";

const refused = (guard: string[]) => {
  // The browser itself reports answers of 4xx and 5xx to its own requests.
  for (let at = guard.length; at--; ) if (guard[at].includes("Failed to load resource")) guard.splice(at, 1);
};

async function plan25(page: Page, to = "analyzer") {
  await page.goto("/t/meridian/assignments?license=none");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await page.locator(".live .line:not(.top) input").nth(24).click({ modifiers: ["Shift"] });
  await bulk(page, "Assign…", to);
  await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
}

test("a wrong key", async ({ page, tenant, guard }) => {
  await enter(page, "/connect");
  await hydrated(page);
  await page.getByLabel("API key").fill("wrong-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("alert")).toContainText("Qlik rejected this key");
  await expect(page.getByRole("alert")).toContainText("Check it and paste it again");
  expect(await page.content()).not.toContain("wrong-key");
  refused(guard);
});

test("a key without rights", async ({ page, tenant, guard }) => {
  await connect(page, tenant, "demo-reader-key").catch(() => {});
  await expect(page.getByRole("alert").first()).toContainText("Use a tenant admin's key");
  await expect(page.getByRole("link", { name: "Connect as someone else" })).toBeVisible();
  refused(guard);
});

for (const [name, then, says] of [
  ["500", { status: 500 }, "Qlik returned an error"],
  ["truncated JSON", { truncate: true }, "Lost connection to the tenant"],
  ["malformed JSON", { malformed: true }, "could not be read"],
  ["429", { status: 429, retry_after: 9 }, /rate limit is (reached|used up)/],
] as const) {
  test(`the last known data stays in sight: ${name}`, async ({ page, tenant, guard }) => {
    // As another admin: a tier that a 429 shuts stays shut for that user alone.
    await connect(page, tenant, "demo-second-admin-key");
    await hydrated(page);
    await expect(page.getByRole("meter").first()).toBeVisible();
    const meters = await page.getByRole("meter").count();
    // More than are asked for meanwhile: what nobody waits for, such as consumption, takes its share of them.
    await tenant.faults([{ path: "/api/v1/licenses", times: 400, then }]);
    await page.getByRole("button", { name: "Refresh" }).click();
    await expect(page.getByText("Showing the last known data. Changes are disabled")).toBeVisible({ timeout: 20_000 });
    await expect(page.locator("#main")).toContainText(says);
    expect(await page.getByRole("meter").count()).toBe(meters);
    refused(guard);
  });
}

test("a slow tenant: how far the reading is, while everything else can be used", async ({ page, tenant, guard }) => {
  await tenant.options({ latency_ms: 400 });
  // As another admin, whose inventory is not in memory yet.
  await enter(page, "/connect");
  await page.getByLabel("API key").fill("demo-second-admin-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByText(/^Loading tenant: [\d,]+ of about [\d,]+ rows/)).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("progressbar", { name: "Rows loaded" })).toBeVisible();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Plans" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Plans" })).toBeVisible();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Overview" }).click();
  await tenant.options({ latency_ms: 0 });
  await expect(page.getByRole("meter").first()).toBeVisible({ timeout: 30_000 });
});

test("a tenant that is down: the key cannot be checked, and nothing is kept", async ({ page, tenant, guard }) => {
  await tenant.faults([{ times: 1000, then: { drop: "before" } }]);
  await enter(page, "/connect");
  await hydrated(page);
  await page.getByLabel("API key").fill("demo-admin-key");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("alert")).toContainText("Could not connect to Meridian Foods", { timeout: 30_000 });
  await page.goto("/t/meridian/overview");
  await expect(page).toHaveURL(/\/connect/);
  refused(guard);
});

test("a page cursor that expires sends the reading back to the start, and no row is missing or twice", async ({ connected: page, tenant }) => {
  const held = (await tenant.state()).assignments.length;
  const seen = (await tenant.requests()).length;
  await tenant.faults([{ method: "GET", path: "/api/v1/licenses/assignments", nth: 4, times: 1, then: { status: 400 } }]);
  await page.goto("/t/meridian/assignments?license=any");
  await hydrated(page);
  await page.getByRole("button", { name: "Refresh" }).click();
  const lists = async () => (await tenant.requests(seen)).filter((r) => r.method === "GET" && r.path.startsWith("/api/v1/licenses/assignments"));
  await expect.poll(async () => (await lists()).filter((r) => r.status === 400).length).toBe(1);
  await expect(page.getByRole("button", { name: "Refresh", exact: true })).toBeEnabled();
  await expect(page.getByRole("status").filter({ hasText: `${held} of` })).toBeVisible();
  expect((await lists()).filter((r) => !/(^|&)(page|next)=/.test(r.query)).length).toBeGreaterThanOrEqual(2);
});

test("a subject that vanished between selection and plan", async ({ connected: page, tenant, guard }) => {
  await page.goto("/t/meridian/assignments?allotment=professional");
  await hydrated(page);
  const subject = (await page.locator(".live .line:not(.top) .sub").first().textContent())!;
  await page.locator(".live .line:not(.top) input").first().click();
  await tenant.act({ unassign: [{ subject, type: "professional" }] });
  await page.getByRole("button", { name: "Remove…" }).click();
  await expect(page.getByRole("alert").first()).toContainText("The selected rows changed");
  refused(guard);
});

test("an allotment that fills up halfway: what was done is done, the rest is refused with Qlik's code and a remedy", async ({ connected: page, tenant }) => {
  const start = await tenant.state();
  const holders = start.assignments.filter((a) => a.type === "professional" && !a.excess);
  const missing = 30 - free(start, "professional");
  if (missing > 0) await tenant.act({ unassign: holders.slice(0, missing).map(({ subject, type }) => ({ subject, type })) });
  await plan25(page, "professional");
  const spare = free(await tenant.state(), "professional");
  await tenant.act({ assign: Array.from({ length: spare - 10 }, (_, n) => ({ subject: `FILL\\${n}`, type: "professional" })) });
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  // The shortage is news: it is shown before anything is sent.
  await expect(page.getByText("Professional is 15 seats short.")).toBeVisible();
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("10 done, 15 rejected (of 25)")).toBeVisible();
  await expect(page.getByRole("cell", { name: /LICENSES-011/ })).toHaveCount(15);
});

test("answers lost halfway are settled by reading, and nothing is sent twice", async ({ connected: page, tenant }) => {
  const before = await tenant.state();
  await plan25(page);
  const seen = (await tenant.requests()).length;
  await tenant.faults([{ method: "POST", path: "/api/v1/licenses/assignments/actions", times: 1, then: { drop: "after" } }]);
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("25 done (of 25)")).toBeVisible({ timeout: 20_000 });
  const rows = (await tenant.requests(seen)).flatMap((r) => r.rows ?? []);
  expect(rows.filter((r) => r.changed)).toHaveLength(25);
  expect(pairs(await tenant.state())).toHaveLength(pairs(before).length + 25);
});

test("rows that the answer leaves out are read, not believed", async ({ connected: page, tenant }) => {
  await plan25(page);
  await tenant.faults([{ method: "POST", path: "/api/v1/licenses/assignments/actions", times: 1, then: { rows: "missing" } }]);
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("25 done (of 25)")).toBeVisible({ timeout: 20_000 });
});

test("somebody else takes a row before it is applied", async ({ connected: page, tenant }) => {
  await plan25(page);
  const subject = await page.locator("tr.add .sub").first().textContent();
  await tenant.act({ assign: [{ subject, type: "analyzer" }] });
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("The tenant changed after this plan was created. Nothing was sent.")).toBeVisible();
  await expect(page.getByText("1 row skipped: no change needed")).toBeVisible();
  await page.getByRole("button", { name: "Apply 24 changes" }).click();
  await expect(page.getByText("24 done (of 24)")).toBeVisible();
});

test("a key revoked in the middle pauses the job, and loses nothing", async ({ connected: page, tenant, guard }) => {
  await plan25(page);
  await tenant.faults([{ method: "POST", path: "/api/v1/licenses/assignments/actions", times: 1, then: { status: 401 } }]);
  await page.getByRole("button", { name: "Apply 25 changes" }).click();
  await expect(page.getByText("Qlik no longer accepts this key")).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("25 done (of 25)")).toBeVisible();
  refused(guard);
});

test("a role deleted meanwhile", async ({ connected: page, tenant, guard }) => {
  const state = await tenant.state();
  const group = state.groups.find((g) => g.roles.length >= 1)!;
  const role = state.roles.find((r) => r.type === "custom" && !group.roles.includes(r.id))!;
  await page.goto(`/t/meridian/groups/${group.id}`);
  await hydrated(page);
  await page.getByRole("checkbox", { name: new RegExp(`^${role.name} `) }).check();
  await tenant.act({ delete_role: role.id });
  await page.getByRole("button", { name: "Review 1 change" }).click();
  await expect(page.getByRole("alert").first()).toContainText("a selected role was deleted", { ignoreCase: true });
  refused(guard);
});

for (const [set, says] of [
  [{ present: false }, "This tenant has no license|Qlik finds no license"],
  [{ status: "Expired" }, "The license has expired"],
  [{ status: "Blacklisted" }, "blacklisted this license"],
  [{ deactivated: true }, "This tenant is deactivated"],
] as const) {
  test(`a tenant that says so plainly: ${says}`, async ({ connected: page, tenant }) => {
    await hydrated(page);
    await tenant.act({ set_license: set });
    await page.getByRole("button", { name: "Refresh" }).click();
    await expect(page.getByRole("alert")).toContainText(new RegExp(says));
  });
}
