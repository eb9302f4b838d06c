// The company sign-in of the tests: the provider of `examples/oidc-provider`, with people of their own.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { address, start, type Running } from "./portal";

const SCRIPT = fileURLToPath(new URL("../../examples/oidc-provider/provider.mjs", import.meta.url));

/** Who can sign in, besides what their token says. */
export const PEOPLE = [
  { sub: "ada", name: "Ada Admin", groups: ["qm-admins", "staff"] },
  { sub: "otto", name: "Otto Operator", groups: ["license-team"] },
  { sub: "vera", name: "Vera Viewer", groups: ["staff"] },
  { sub: "nora", name: "Nora None", groups: ["kitchen"] },
  { sub: "many", name: "Mona Many", groups: Array.from({ length: 300 }, (_, at) => `group number ${at + 1}`) },
  { sub: "text", name: "Theo Text", groups: "qm-admins, staff" },
  { sub: "wide", name: "מנהלת רישיונות ".repeat(17).trim().padEnd(255, "ת"), groups: ["staff"] },
];

export const SECRET = "a secret of the tests, long enough";

/** Starts the provider for a portal; returns what the portal's configuration says of it, and how to end it. */
export async function provider(portal: string, more = ""): Promise<{ config: string; issuer: string; running: Running; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-provider-"));
  writeFileSync(join(folder, "people.json"), JSON.stringify(PEOPLE));
  writeFileSync(join(folder, "oidc.secret"), SECRET, { mode: 0o600 });
  const args = [SCRIPT, "--listen", "127.0.0.1:0", "--portal", portal, "--people", join(folder, "people.json"), "--secret", SECRET];
  const running = await start(args, {}, process.execPath);
  const issuer = address(running.lines.at(-1)!);
  const config = `
[auth]
mode = "oidc"
[auth.oidc]
issuer = "${issuer}"
client_id = "quartermaster"
client_secret_file = "${join(folder, "oidc.secret")}"
[auth.roles]
admin = ["group:qm-admins"]
operator = ["group:license-team"]
viewer = ["group:staff"]
${more}`;
  return {
    config,
    issuer,
    running,
    stop: async () => {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Presses somebody's button at the provider. */
export async function be(page: Page, who: string) {
  await page.locator(`button[name=person][value=${who}]`).click();
}
