// Signing in at a real OpenID provider, as people do: in a browser, by links, with roles, confirmations, and sessions that end.
import { accessible, bulk, confirm, expect, hydrated, test } from "../support/test";
import { be, provider } from "../support/provider";
import { served } from "../support/portal";
import type { BrowserContext, Page } from "@playwright/test";

/** A portal behind the provider, and a browser of its own. */
async function behind(browser: { newContext: (o: object) => Promise<BrowserContext> }, more: string, work: (page: Page, at: { url: string; issuer: string; restart: () => Promise<void> }) => Promise<void>) {
  let company: Awaited<ReturnType<typeof provider>> | undefined;
  try {
    await served(
      async (url) => (company = await provider(url, more)).config,
      async (url, restart) => {
        const context = await browser.newContext({ baseURL: url });
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on("console", (message) => message.type() === "error" && message.location().url.startsWith(url) && complaints.push(`${message.text()} (${message.location().url})`));
        page.on("pageerror", (error) => complaints.push(error.message));
        await work(page, { url, issuer: company!.issuer, restart });
        // What a browser says of an answer of 401 or 403 that the test asked for is no complaint.
        expect(complaints.filter((line) => !/status of 40[13]/.test(line)), "no console error").toEqual([]);
        await context.close();
      },
    );
  } finally {
    await company?.stop();
  }
}

/** Signs in and connects; ends at the overview. */
async function arrive(page: Page, who: string) {
  await page.goto("/t/north/overview");
  await be(page, who);
  await page.getByLabel("API key").fill("key-of-1");
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await hydrated(page);
}

test("a link leads to the sign-in and back to its page, and out again", async ({ browser }) => {
  await behind(browser, "", async (page, { issuer }) => {
    await page.goto("/t/north/assignments?allotment=analyzer");
    await expect(page).toHaveURL(new RegExp(`^${issuer}/sign-in/`));
    await be(page, "ada");
    await page.getByLabel("API key").fill("key-of-1");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page).toHaveURL(/\/t\/north\/assignments\?allotment=analyzer/);
    await hydrated(page);
    await expect(page.getByText("Signed in as Ada Admin, admin")).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    // The portal's own page leads on to the provider's.
    await expect(page).toHaveURL(new RegExp(`^${issuer}/session/end`));
    await page.getByRole("button", { name: "Yes, sign me out" }).click();
    // Neither remembers anybody.
    await page.goto("/t/north/overview");
    await expect(page.getByText("Who are you?")).toBeVisible();
  });
});

test("whoever cancels, or comes back twice, is told and nobody is signed in", async ({ browser }) => {
  await behind(browser, "", async (page) => {
    await page.goto("/");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "The company sign-in did not sign you in." })).toBeVisible();
    await expect(page.getByText("It says: access_denied")).toBeVisible();
    await accessible(page);
    // The same answer once more: the cookie of that sign-in is gone.
    await page.reload();
    await expect(page.getByRole("heading", { level: 1, name: /begun in another browser, used before, or took too long/ })).toBeVisible();
    await page.getByRole("link", { name: "Try again" }).click();
    await be(page, "vera");
    await expect(page.getByRole("heading", { level: 1, name: "Connect to a tenant" })).toBeVisible();
  });
});

test("a viewer sees every room, and what a viewer may not do is off and says why", async ({ browser }) => {
  test.setTimeout(120_000);
  await behind(browser, "", async (page) => {
    await arrive(page, "vera");
    for (const [path, heading] of [["overview", "Overview"], ["assignments", "Assignments"], ["groups", "Groups"], ["plans", "Plans"], ["jobs", "Jobs"], ["audit", "Audit"], ["settings", "Settings"], ["sessions", "Sessions"]]) {
      await page.goto(`/t/north/${path}`);
      await hydrated(page);
      await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
    }
    await accessible(page);
    await page.goto("/t/north/assignments?license=none");
    await hydrated(page);
    await page.locator(".live .line:not(.top) input").first().click();
    const assign = page.getByRole("toolbar", { name: "Selection" }).getByRole("button", { name: "Assign…" });
    await expect(assign).toBeDisabled();
    await expect(assign).toHaveAttribute("title", "Needs the role operator or admin.");
    await page.goto("/t/north/settings");
    await hydrated(page);
    for (const button of await page.getByRole("button", { name: "Review change…" }).all()) {
      await expect(button).toBeDisabled();
      await expect(button).toHaveAttribute("title", "Needs the role admin.");
    }
    // What is off on the page is off on the server, too.
    const answer = await page.evaluate(async () => {
      const answer = await fetch("/api/settings/auto-assign", { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: "tenant=north&professional=on" });
      return answer.status;
    });
    expect(answer).toBe(403);
  });
});

test("an operator does the main job, and settings are for admins", async ({ browser }) => {
  await behind(browser, "", async (page) => {
    await arrive(page, "otto");
    await page.goto("/t/north/assignments?license=none");
    await hydrated(page);
    await page.locator(".live .line:not(.top) input").first().click();
    await bulk(page, "Assign…", "analyzer");
    await page.getByRole("button", { name: "Apply 1 change" }).click();
    await expect(page.getByText("1 done (of 1)")).toBeVisible();
    await expect(page.getByText("Otto Operator as License admin").first()).toBeVisible();
    await page.goto("/t/north/settings");
    await hydrated(page);
    await expect(page.getByRole("button", { name: "Review change…" }).first()).toHaveAttribute("title", "Needs the role admin.");
  });
});

test("a plan that takes much is confirmed at the provider, by the same person", async ({ browser }) => {
  await behind(browser, "[auth.plans]\nstep_up_rows = 3", async (page) => {
    await arrive(page, "ada");
    await page.goto("/t/north/assignments?allotment=analyzer");
    await hydrated(page);
    for (let at = 0; at < 4; at += 1) await page.locator(".live .line:not(.top) input").nth(at).click();
    await page.getByRole("toolbar", { name: "Selection" }).getByRole("button", { name: "Remove…" }).click();
    await expect(page.getByText("Confirm it is you: this plan takes licenses from 4 people.")).toBeVisible();
    const plan = page.url();
    await accessible(page);
    await page.getByRole("link", { name: "Confirm it is you" }).click();
    // The provider asks again, though it knows who is there.
    await be(page, "ada");
    await expect(page).toHaveURL(plan);
    await hydrated(page);
    await confirm(page);
    await page.getByRole("button", { name: "Apply 4 changes" }).click();
    await expect(page.getByText("4 done (of 4)")).toBeVisible();
    // Somebody else cannot confirm; this provider even signs the first one out by it.
    await page.getByRole("button", { name: "Undo 4 changes" }).click();
    await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
    const undo = page.url().split("/").at(-1);
    await page.goto(`/auth/step-up?plan=${undo}`);
    await be(page, "otto");
    await expect(page.getByRole("heading", { level: 1, name: "It was not you who confirmed: signed in as Otto Operator." })).toBeVisible();
    await accessible(page);
  });
});

test("a session that ends keeps what was being written, for the same person only", async ({ browser }) => {
  await behind(browser, "[auth.session]\nidle_s = 12\nwarn_s = 5", async (page) => {
    await arrive(page, "ada");
    await page.goto("/t/north/lists");
    await hydrated(page);
    await page.getByLabel("or paste lines").fill("NORTH\\somebody");
    await expect(page.getByText("Your session ends in")).toBeVisible({ timeout: 20_000 });
    await expect(page.getByText("Your session has ended.")).toBeVisible({ timeout: 20_000 });
    await page.getByRole("link", { name: "Sign in again" }).click();
    // The provider remembers the person; the portal wants a new connection, for the keys of a session end with it.
    await page.getByLabel("API key").fill("key-of-1");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page).toHaveURL(/\/t\/north\/lists/);
    await expect(page.getByLabel("or paste lines")).toHaveValue("NORTH\\somebody");
  });
});

test("signing out at the provider signs out here", async ({ browser }) => {
  await behind(browser, "", async (page, { issuer }) => {
    await arrive(page, "ada");
    const other = await page.context().newPage();
    await other.goto(`${issuer}/session/end`);
    await other.getByRole("button", { name: "Yes, sign me out" }).click();
    await expect.poll(() => page.evaluate(async () => (await fetch("/auth/me")).status)).toBe(401);
    await page.getByRole("button", { name: "Refresh" }).click();
    await expect(page.getByRole("link", { name: "Sign in again" }).first()).toBeVisible();
  });
});

test("whoever has no role yet is told who they are, with any name and any groups", async ({ browser }) => {
  await behind(browser, "", async (page) => {
    for (const [who, words] of [["nora", "kitchen"], ["many", "group number 300"], ["text", "qm-admins, staff"]]) {
      await page.context().clearCookies();
      await page.goto("/");
      await be(page, who);
      await expect(page.getByRole("heading", { level: 1, name: /and have no role in Quartermaster yet\.$/ })).toBeVisible();
      await expect(page.getByRole("listitem").filter({ hasText: words })).toBeVisible();
      await accessible(page);
      await page.setViewportSize({ width: 320, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    await page.context().clearCookies();
    await arrive(page, "wide");
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
});

test("without scripts people sign in, read and sign out", async ({ browser }) => {
  await behind({ newContext: (o) => browser.newContext({ ...o, javaScriptEnabled: false }) }, "", async (page) => {
    await page.goto("/t/north/overview");
    await be(page, "vera");
    await page.getByLabel("API key").fill("key-of-1");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page.getByText("Signed in as Vera Viewer, viewer")).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL(/\/session\/end/);
  });
});
