// Nothing is cut off: at 1280 and 390 px no control and no cell shows less than it says, unless it is meant to shorten and tells
// the rest; and at 320 px, which is 400 % of 1280, nothing scrolls sideways but tables inside their frames.
import { bulk, expect, filter, hydrated, test } from "../support/test";
import type { Page } from "@playwright/test";

/** Controls and cells that are narrower than what they hold, without saying it whole elsewhere. */
const cut = (page: Page) =>
  page.evaluate(() => {
    // What is in a menu that is closed has a place, and is not seen.
    const folded = (element: Element) => { const menu = element.closest("details:not([open])"); return !!menu && !element.closest("summary"); };
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>("button, a, summary, select, label, th, td, dt, dd, h1, h2, h3, p, .cell, .chip, legend")) {
      const box = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      // Headings that only a screen reader reads, where rows are shown as blocks.
      const heads = element.closest("thead");
      if (heads && getComputedStyle(heads).clipPath !== "none") continue;
      // What only a screen reader reads, and what is not there.
      if (!box.width || !box.height || style.visibility === "hidden" || element.closest(".sr, [hidden], .skip") || folded(element)) continue;
      if (style.display === "inline" || element.scrollWidth <= element.clientWidth + 1) continue;
      // Meant to shorten: an ellipsis, with the whole in a title, in the row's panel, or in the column's width.
      const shortens = style.textOverflow === "ellipsis";
      const says = element.title || element.querySelector("[title]") || element.closest(".live, .rows, [role=grid]");
      if (shortens && says) continue;
      if (style.overflowX === "auto" || style.overflowX === "scroll") continue;
      found.push(`${element.tagName.toLowerCase()}.${element.className} “${(element.textContent ?? "").trim().slice(0, 60)}” ${element.scrollWidth} > ${element.clientWidth}`);
    }
    return found;
  });

/** Whatever can be pressed is inside the window, or inside a frame that scrolls. */
const outside = (page: Page) =>
  page.evaluate(() => {
    const folded = (element: Element) => { const menu = element.closest("details:not([open])"); return !!menu && !element.closest("summary"); };
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>("main button, main a, main summary, main input, main select")) {
      const box = element.getBoundingClientRect();
      if (!box.width || !box.height || element.closest(".sr, [hidden], .table, .rows, .options, .skip") || folded(element)) continue;
      if (getComputedStyle(element).visibility === "hidden" || element.classList.contains("sr")) continue;
      if (box.left < -1 || box.right > innerWidth + 1) found.push(`${element.tagName.toLowerCase()} “${(element.textContent ?? "").trim().slice(0, 40)}” ${Math.round(box.left)}–${Math.round(box.right)}`);
    }
    return found;
  });

for (const width of [1280, 390, 320]) {
  const size = { width, height: width === 1280 ? 900 : 844 };
  const look = async (page: Page, what: string) => {
    // A page that was just come to is measured with its style, which a browser may still be loading.
    await hydrated(page);
    expect(await cut(page), `${what} at ${width} px`).toEqual([]);
    expect(await outside(page), `${what} at ${width} px`).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), `${what} at ${width} px`).toBeLessThanOrEqual(width);
  };

  test(`nothing is cut off at ${width} px`, { tag: "@reads" }, async ({ connected: page, tenant }) => {
    test.setTimeout(180_000);
    await page.setViewportSize(size);
    const group = (await tenant.state()).groups.find((g) => g.roles.length > 2)!;
    const paths = ["overview", "assignments", "groups", `groups/${group.id}`, "groups/new", "plans", "jobs", "audit", "settings", "sessions", "lists"];
    for (const path of paths) {
      await page.goto(`/t/meridian/${path}`);
      await hydrated(page);
      await look(page, path);
    }
    // Filters with long values, and their menus.
    await page.goto("/t/meridian/assignments?allotment=professional,analyzer,fullUser&not=allotment&used=over-45&flag=not-bot&held=1-3");
    await hydrated(page);
    if (width < 700) await page.getByRole("button", { name: "Filters (4)" }).click();
    await look(page, "filters");
    for (const name of ["License type", "Last used", "Flags", "Licenses held"]) {
      await filter(page, name);
      await look(page, `the filter ${name}`);
      await page.keyboard.press("Escape");
    }
  });

  test(`nothing is cut off in the panel, a plan and its job at ${width} px`, async ({ connected: page }) => {
    await page.setViewportSize(size);
    await page.goto("/t/meridian/assignments?license=none");
    await hydrated(page);
    await page.locator(".live .line:not(.top) input").first().click();
    await look(page, "a selection");
    await page.locator(".live .person-link").nth(1).click();
    await expect(page.getByRole("complementary")).toBeVisible();
    await page.getByText("Assign license", { exact: true }).click();
    await look(page, "the panel");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await bulk(page, "Assign…", "analyzer");
    await expect(page.getByRole("heading", { level: 1, name: /^Plan/ })).toBeVisible();
    await look(page, "a plan");
    await page.getByRole("button", { name: /^Apply/ }).click();
    await expect(page.getByText("1 done (of 1)")).toBeVisible();
    await look(page, "a job");
    await page.goto("/t/meridian/overview");
    await hydrated(page);
    await look(page, "the overview with a job");
    await expect(page.getByRole("button", { name: /^Undo 1 change/ }).first()).toBeInViewport({ ratio: 0 }).catch(() => {});
    await page.goto("/t/meridian/jobs");
    await hydrated(page);
    const undo = await page.getByRole("button", { name: /^Undo 1 change/ }).first().boundingBox();
    expect(undo!.x + undo!.width, `Undo in the list at ${width} px`).toBeLessThanOrEqual(width);
  });
}

test("no text is smaller than 12 px, and no target than 24 px", async ({ connected: page }) => {
  for (const path of ["overview", "assignments", "groups", "jobs", "audit", "settings", "lists"]) {
    await page.goto(`/t/meridian/${path}`);
    await hydrated(page);
    const small = await page.evaluate(() => {
      const found: string[] = [];
      for (const element of document.querySelectorAll<HTMLElement>("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim());
        const box = element.getBoundingClientRect();
        if (!own || !box.width || element.closest(".sr, svg")) continue;
        const size = parseFloat(getComputedStyle(element).fontSize);
        if (size < 11.99) found.push(`${size} px: ${element.textContent!.trim().slice(0, 40)}`);
      }
      for (const element of document.querySelectorAll<HTMLElement>("button, summary, select, input:not([type=hidden]), .button, nav a")) {
        const box = element.getBoundingClientRect();
        if (!box.width || element.closest(".sr, [hidden], details:not([open]) > :not(summary)") || element.matches("input[type=checkbox], input[type=radio]")) continue;
        if (box.height < 23.5) found.push(`${box.height} px high: ${(element.textContent ?? "").trim().slice(0, 40)} ${element.className}`);
      }
      return found;
    });
    expect(small, path).toEqual([]);
  }
});
