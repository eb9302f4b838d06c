// The way in and the first page: what the product is, the demo's key, how seats went, which are idle, and undo from a row.
import { accessible, bulk, expect, hydrated, test } from "../support/test";
import { address, start } from "../support/portal";
import { pairs } from "../support/sim";

test("the demo explains itself, offers its key, and knows how seats went", { tag: "@reads" }, async ({ browser }) => {
  const demo = await start(["demo", "--listen", "127.0.0.1:0"]);
  try {
    const url = address(demo.lines.at(-1)!);
    for (const javaScriptEnabled of [false, true]) {
      const context = await browser.newContext({ baseURL: url, javaScriptEnabled });
      const page = await context.newPage();
      await page.goto("/connect");
      await expect(page.getByText("Connecting only reads.")).toBeVisible();
      await expect(page.getByText("Create one in Qlik: profile → Settings → API keys.")).toBeVisible();
      await page.getByRole("button", { name: "Use the demo key" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
      await expect(async () => {
        await page.reload();
        await expect(page.locator("svg.course path").first()).toBeAttached({ timeout: 1_000 });
      }).toPass();
      // A line for each type that people are assigned, and none for the pool of minutes.
      await expect(page.locator(".gauge:has(svg.course path)")).toHaveCount((await page.getByRole("meter").count()) - 1);
      await expect(page.getByRole("meter", { name: "Professional" })).toHaveAttribute("aria-valuetext", /full in about \d+ days$/);
      await context.close();
    }
  } finally {
    await demo.stop();
  }
});

test("each figure of idle seats opens as many rows, all of them unused", { tag: "@reads" }, async ({ connected: page }) => {
  // Consumption is read last of all, with what the limits leave over after the tests before.
  test.setTimeout(400_000);
  const idle = page.getByRole("region", { name: "Idle seats" });
  // Consumption is read in the background.
  await expect(async () => {
    await page.reload();
    await expect(idle.getByRole("listitem").first()).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await accessible(page);
  const lines = await idle.getByRole("listitem").evaluateAll((items) =>
    items.map((item) => [Number(item.textContent!.match(/[\d,]+/)![0].replaceAll(",", "")), item.querySelector("a")!.getAttribute("href")!] as const));
  expect(lines.length).toBeGreaterThan(1);
  for (const [rows, href] of lines) {
    await page.goto(href);
    await hydrated(page);
    await expect(page.locator(".above .result")).toHaveText(new RegExp(`^${rows.toLocaleString("en")} of `));
  }
});

test("a job is undone from its row", async ({ connected: page, tenant }) => {
  const before = await tenant.state();
  await page.goto("/t/meridian/assignments?license=none&status=active");
  await hydrated(page);
  await page.locator(".live .line:not(.top) input").first().click();
  await bulk(page, "Assign…", "analyzer");
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  await page.goto("/t/meridian/overview");
  await hydrated(page);
  await page.getByRole("button", { name: /^Undo 1 change of job/ }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: /Undo: / })).toBeVisible();
  await page.getByRole("button", { name: "Apply 1 change" }).click();
  await expect(page.getByText("1 done (of 1)")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(before));
});
