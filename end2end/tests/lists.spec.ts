// Lists: brought as a file or pasted, put right in place, planned, applied, and taken away again.
import { accessible, confirm, expect, hydrated, test } from "../support/test";
import { pairs } from "../support/sim";
import type { Page } from "@playwright/test";

const csv = (name: string, text: string) => ({ name, mimeType: "text/csv", buffer: Buffer.from(text) });

async function bring(page: Page, text: string, purpose = "Assign") {
  await page.goto("/t/meridian/lists");
  await hydrated(page);
  await page.getByLabel("CSV or Excel file").setInputFiles(csv("people.csv", text));
  await page.getByText(purpose, { exact: true }).click();
  await page.getByRole("button", { name: "Check list" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /^List: people.csv/ })).toBeVisible();
}

test("a list with faults is put right in place, planned and applied", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const holders = new Set(state.assignments.map((a) => a.subject.toLowerCase()));
  const without = state.users.filter((u) => u.status === "active" && !holders.has(u.subject.toLowerCase())).slice(0, 4);
  const typo = `${without[2].subject}z`;
  await bring(page, [
    "userId;Name;Subject;Email;Roles;Licence;Flag",
    `${without[0].id};;;;;Analyzer;x`,
    `;;${without[1].subject.toUpperCase()};;;analyser;`,
    `;;${typo};;;Analyzer;`,
    `;;${without[3].subject};;;Analyzer capacity;`,
    ";;;;;Analyzer;",
  ].join("\r\n"));
  await expect(page.getByText("1 line ready, 4 errors")).toBeVisible();
  await expect(page.getByText("5 lines, UTF-8, semicolon-separated, with a header row.")).toBeVisible();
  await expect(page.getByText("Did you mean “Analyzer”?")).toBeVisible();
  await expect(page.getByRole("button", { name: "Review 1 line…" })).toBeDisabled();
  await accessible(page);

  // Licenses are taken by one click; people are not among them.
  await page.getByRole("button", { name: "Accept 1 suggested license" }).click();
  await expect(page.getByText("2 lines ready, 3 errors")).toBeVisible();
  await page.getByLabel("Subject on line 4").fill(without[2].subject);
  await page.getByLabel("Licence on line 5").fill("Analyzer");
  await page.getByRole("button", { name: "Apply corrections" }).click();
  await expect(page.getByText("4 lines ready, 1 error")).toBeVisible();
  await page.getByRole("button", { name: "Skip 1 line with an error" }).click();
  await expect(page.getByText("4 lines ready, no errors, 1 skipped")).toBeVisible();
  expect(pairs(await tenant.state())).toEqual(pairs(state));

  await page.getByRole("button", { name: "Review 4 lines…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Assign licenses from a list/ })).toBeVisible();
  await page.getByRole("button", { name: "Apply 4 changes" }).click();
  await expect(page.getByText("4 done (of 4)")).toBeVisible();
  const wanted = [...pairs(state), ...without.map((u) => `${u.subject.toLowerCase()} analyzer`)].sort();
  expect(pairs(await tenant.state())).toEqual(wanted);
});

test("sync to a list wants the number typed, and leaves strangers alone", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const users = new Set(state.users.map((u) => u.subject.toLowerCase()));
  const held = state.assignments.filter((a) => users.has(a.subject.toLowerCase()));
  const keep = held.slice(3);
  const subjects = new Map(keep.map((a) => [a.subject.toLowerCase(), a]));
  const leave = held.filter((a) => !subjects.has(a.subject.toLowerCase()));
  await bring(page, ["Subject,Licence", ...keep.map((a) => `${a.subject},${a.type}`)].join("\n"), "Sync to this list");
  await expect(page.getByText("Everyone who is not on this list loses their license.")).toBeVisible();
  await expect(page.getByText(/lines ready, no errors/)).toBeVisible();
  await page.getByRole("button", { name: /^Review/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Sync to list/ })).toBeVisible();
  await expect(page.getByText("assigned to a subject outside this tenant (left unchanged)")).toBeVisible();
  await confirm(page);
  await page.getByRole("button", { name: /^(Apply|Remove)/ }).click();
  await expect(page.getByText(`${leave.length} done (of ${leave.length})`)).toBeVisible();
  const gone = new Set(leave.map((a) => `${a.subject.toLowerCase()} ${a.type}`));
  expect(pairs(await tenant.state())).toEqual(pairs(state).filter((pair) => !gone.has(pair)));
});

test("what a job could not do is taken away and brought again unchanged", async ({ connected: page, tenant }) => {
  const state = await tenant.state();
  const holders = new Set(state.assignments.map((a) => a.subject.toLowerCase()));
  const two = state.users.filter((u) => u.status === "active" && !holders.has(u.subject.toLowerCase())).slice(0, 2);
  await bring(page, `Subject,Licence\n${two.map((u) => `${u.subject},Professional`).join("\n")}`);
  await page.getByRole("button", { name: "Review 2 lines…" }).click();
  await expect(page.getByRole("button", { name: "Apply 2 changes" })).toBeVisible();
  // Somebody else takes all the seats between the reading before and the request.
  const professional = state.allotments.find((a) => a.name === "professional")!;
  const spare = professional.units + (professional.overage ?? 0) - professional.unitsUsed;
  await tenant.act({ assign: Array.from({ length: spare }, (_, n) => ({ subject: `FILL\\${n}`, type: "professional" })) });
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await page.getByRole("button", { name: "Apply 2 changes" }).click();
  await expect(page.getByText("0 done, 2 rejected (of 2)")).toBeVisible();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export failed rows" }).click()]);
  const text = await (await import("node:fs/promises")).readFile(await download.path(), "utf8");
  expect(text).toContain("LICENSES-011");
  await bring(page, text);
  await expect(page.getByText("2 lines ready, no errors")).toBeVisible();
});

test("a view is taken as CSV, whole and in its order; pasted list and a workbook get their answers", async ({ connected: page, tenant }) => {
  const held = (await tenant.state()).assignments.filter((a) => a.type === "analyzer").length;
  const answer = await page.request.get("/export/meridian/assignments.csv?allotment=analyzer&sort=-since");
  const lines = (await answer.text()).trim().split("\r\n");
  expect(lines[0].replace("\ufeff", "")).toBe("userId,Name,Subject,Email,Roles,Licence,Flag");
  expect(lines.length - 1).toBe(held);
  expect(lines.slice(1).every((line) => line.includes(",Analyzer,"))).toBe(true);

  await page.goto("/t/meridian/lists");
  await hydrated(page);
  await page.getByLabel("CSV or Excel file").setInputFiles({ name: "book.xlsx", mimeType: "application/zip", buffer: Buffer.from("PK\x03\x04 and so on") });
  await page.getByRole("button", { name: "Check list" }).click();
  await expect(page.getByRole("alert")).toContainText("Save the sheet as CSV and import that.");
  await hydrated(page);
  await accessible(page);
  await page.getByLabel("or paste lines").fill((await tenant.state()).users.slice(0, 3).map((u) => u.subject).join("\n"));
  await page.getByText("Remove", { exact: true }).click();
  await page.getByRole("button", { name: "Check list" }).click();
  await expect(page.getByText("3 lines ready, no errors")).toBeVisible();
});
