// Requests from a page of another port of the same host, where cookies of the portal go along: nothing changes, and each is recorded.
import { createServer } from "node:http";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "../support/test";
import { served } from "../support/portal";

const FEATURES = join(import.meta.dirname, "..", "..", "src", "features");

/** Every server function, by its address, as the sources name it. */
function functions(): string[] {
  const rooms = readdirSync(FEATURES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const sources = rooms.flatMap((room) => {
    try {
      return [readFileSync(join(FEATURES, room.name, "api.rs"), "utf8")];
    } catch {
      return [];
    }
  });
  sources.push(readFileSync(join(FEATURES, "shared.rs"), "utf8"));
  return sources.flatMap((text) => [...text.matchAll(/endpoint = "([^"]+)"/g)].map((found) => `/api/${found[1]}`));
}

test("a page on another port changes nothing", async ({ browser }) => {
  test.setTimeout(120_000);
  await served("", async (url, _restart, [sim]) => {
    const routes = [...functions(), "/auth/logout", "/auth/step-up", "/t/north/lists"];
    expect(routes.length).toBeGreaterThan(35);
    const page = await (await browser.newContext({ baseURL: url })).newPage();
    await page.goto("/");
    await page.getByLabel("API key").fill("key-of-1");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    const before = JSON.stringify({ ...(await sim.state()), now: "" });
    const trail = async () => (await page.request.get("/audit/export?format=jsonl")).text();
    const seen = (await sim.requests()).length;

    // The page of the attacker: same host, another port. A browser takes both for the same site, so cookies go along.
    const attacker = createServer((_, answer) => answer.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>x</title>"));
    await new Promise<void>((ready) => attacker.listen(0, "127.0.0.1", ready));
    const from = `http://127.0.0.1:${(attacker.address() as { port: number }).port}/`;
    try {
      const evil = await page.context().newPage();
      await evil.goto(from);
      const body = "tenant=north&id=x&to=cancel&action=assign&what=undo&confirm=&jobs=pause&everywhere=1&name=x&person=&theme=dark&zone=UTC&rows[]=x&professional=true&analyzer=true";
      const sent = await evil.evaluate(async ({ url, routes, body }) => {
        let sent = 0;
        for (const route of routes) {
          for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]) {
            for (const method of ["POST"]) {
              await fetch(url + route, { method, mode: "no-cors", credentials: "include", headers: { "content-type": type }, body }).catch(() => {});
              sent += 1;
            }
          }
        }
        return sent;
      }, { url, routes, body });
      expect(sent).toBe(routes.length * 3);
      // As forms of their own, which no script has to send: the page that answers is a refusal.
      for (const route of routes) {
        const evil = await page.context().newPage();
        await evil.goto(from);
        const [answer] = await Promise.all([
          evil.waitForResponse((answer) => answer.url().startsWith(url + route) && answer.request().method() === "POST"),
          evil.evaluate(({ action, body }) => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = action;
            for (const [name, value] of new URLSearchParams(body)) {
              const input = document.createElement("input");
              [input.name, input.value] = [name, value];
              form.append(input);
            }
            document.body.append(form);
            form.submit();
          }, { action: url + route, body }),
        ]);
        expect(answer.status(), route).toBe(403);
        await evil.close();
      }
    } finally {
      attacker.close();
    }
    // The session lives, the tenant is as it was, and nothing was sent to it.
    await page.goto("/t/north/overview");
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    expect(JSON.stringify({ ...(await sim.state()), now: "" })).toBe(before);
    const changes = (await sim.requests(seen)).filter((request) => request.method !== "GET" && !request.path.includes("/actions/filter"));
    expect(changes).toEqual([]);
    const refusals = (await trail()).split("\n").filter((line) => line.includes('"csrf.refused"'));
    expect(refusals.length).toBeGreaterThan(0);
    // One record for each reason, address and minute, which says how many more there were.
    expect(refusals.join("\n")).toContain("127.0.0.1");
  });
});
