// From nothing to a working sign-in behind nginx, by the very commands of docs/OPERATIONS.md: only names of hosts and folders are other ones.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, hydrated, test } from "../support/test";
import { address, BIN, start } from "../support/portal";
import { freePort } from "../support/ports.mjs";
import { be, provider, SECRET } from "../support/provider";

/** The commands of a section, without the indentation of the list they stand in. */
function commands(section: string): string {
  const page = readFileSync(fileURLToPath(new URL("../../docs/OPERATIONS.md", import.meta.url)), "utf8");
  const from = page.split(`\n## ${section}\n`)[1].split(/\n##+ /)[0];
  const blocks = [...from.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)];
  return blocks.map(([, indent, text]) => text.replace(new RegExp(`^${indent}`, "gm"), "")).join("");
}

test("an operator's way from nothing to a sign-in behind nginx", async ({ browser }) => {
  const nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));
  test.skip(!nginx && !process.env.CI, "there is no nginx");
  const home = mkdtempSync(join(tmpdir(), "quartermaster-operator-"));
  const [front, back] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${front}`;
  const company = await provider(url);
  const tenant = await start(["--listen", "127.0.0.1:0", "--users", "80", "--assignments", "60", "--groups", "5", "--api-key", "key-of-1"], {}, process.env.QLIK_SIM_BIN ?? "qlik-sim");
  const changes: [string, string][] = [
    ["the-secret-of-the-client", SECRET],
    ["https://licenses.example.com", url],
    ["https://id.example.com", company.issuer],
    ["https://example.eu.qlikcloud.com", address(tenant.lines[0])],
    ["127.0.0.1:3000", `127.0.0.1:${back}`],
    ["listen 443 ssl;", `listen 127.0.0.1:${front};`],
    // Certificates are nginx's affair, and its port is not one that a host's name goes without.
    ["  ssl_certificate /etc/ssl/licenses.example.com.pem;\n", ""],
    ["  ssl_certificate_key /etc/ssl/private/licenses.example.com.key;\n", ""],
    ["Host $host;", "Host $http_host;"],
    ["/etc/nginx/conf.d/", `${home}/`],
    ["nginx -s reload", `${nginx} -t -q -p ${home} -c ${home}/nginx.conf`],
  ];
  let script = commands("Sign-in");
  for (const [theirs, ours] of changes) {
    expect(script, "the page says what the test changes").toContain(theirs);
    script = script.replaceAll(theirs, ours);
  }
  const [before, last] = [script.slice(0, script.lastIndexOf("quartermaster serve")), script.slice(script.lastIndexOf("quartermaster serve"))];
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${home}/${name};`).join("\n");
  writeFileSync(join(home, "nginx.conf"), `worker_processes 1;
error_log ${home}/error.log;
pid ${home}/nginx.pid;
daemon off;
master_process off;
events {}
http {
access_log off;
${places}
include ${home}/quartermaster.conf;
}
`);
  const env = { HOME: home, PATH: `${dirname(BIN)}:${process.env.PATH}` };
  const stopped: (() => Promise<unknown> | void)[] = [() => company.stop(), () => tenant.stop()];
  try {
    const done = spawnSync("sh", ["-eu", "-c", before], { env, encoding: "utf8", timeout: 30_000 });
    expect(done.status, done.stdout + done.stderr).toBe(0);
    expect(done.stdout, "check-config shows what holds, and no secret").toContain(url);
    expect(done.stdout + done.stderr).not.toContain(SECRET);
    const portal = await start(["-eu", "-c", `cd ~/quartermaster && exec ${last}`], env, "/bin/sh");
    stopped.push(() => portal.stop());
    const proxy = spawn(nginx!, ["-p", home, "-c", join(home, "nginx.conf")], { stdio: "ignore" });
    stopped.push(() => void proxy.kill("SIGTERM"));
    await expect.poll(() => fetch(url).then((answer) => answer.status, () => 0)).toBeGreaterThan(0);

    const context = await browser.newContext({ baseURL: url });
    const page = await context.newPage();
    await page.goto("/t/example/overview");
    await be(page, "ada");
    await page.getByLabel("API key").fill("key-of-1");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    await hydrated(page);
    const me = await (await context.request.get("/auth/me")).json();
    expect([me.subject, me.role]).toEqual(["ada", "admin"]);
    await context.close();
  } finally {
    for (const stop of stopped.reverse()) await stop();
    rmSync(home, { recursive: true, force: true });
  }
});
