// A trail of a million records: how long it takes to prove it, and to look through it for one person.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../end2end/support/ports.mjs";
import { median, start } from "./lib.mjs";

const RECORDS = 1_000_000;
const TIMES = 3;

/** What somebody looks for in the room, each as its address asks; the slowest are those that find nothing. */
const SEARCHES = [
  ["the newest", ""],
  ["a person, of whom there is one record", "?target=person.777777"],
  ["a person that no record names", "?target=nobody.of.this.name"],
  ["an actor that no record names", "?actor=nobody"],
  ["a result that there is none of", "?outcome=refused&action=assign"],
  ["a job", "?job=job-100"],
  ["a day", "?from=2023-11-20&to=2023-11-20&action=assign"],
  ["one record with both of its sides", "?event=500000"],
  ["how it was before all of them, in one page", "then"],
];

/** How long each search takes through the server, in milliseconds. */
async function searched(folder, key, url) {
  const sim = await start(process.env.QLIK_SIM_BIN, ["--listen", "127.0.0.1:0", "--users", "200", "--assignments", "150", "--groups", "5", "--api-key", "bench-key"]);
  const port = await freePort();
  const config = join(folder, "serve.toml");
  writeFileSync(config, `[server]
listen = "127.0.0.1:${port}"
[storage]
url = "${url}"
[secrets]
master_key_file = "${join(folder, "qm.key")}"
audit_key_file = "${key}"
[tenants.meridian]
url = "${sim.url}"
`);
  const portal = await start(process.env.QUARTERMASTER_BIN, ["serve", "--config", config]);
  try {
    const connected = await fetch(`${portal.url}/api/connect/key`, {
      method: "POST", redirect: "manual", body: "tenant=meridian&key=bench-key&back=",
      headers: { origin: portal.url, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", accept: "text/html" },
    });
    const cookie = connected.headers.get("set-cookie").split(";")[0];
    await (await fetch(`${portal.url}/t/meridian/overview`, { headers: { cookie } })).text();
    const rows = [];
    for (const [what, query] of SEARCHES) {
      const path = query === "then" ? "/t/meridian/audit/then?at=2023-11-14" : `/t/meridian/audit${query}`;
      const times = [];
      for (let at = 0; at < TIMES; at += 1) {
        const began = performance.now();
        const answer = await fetch(`${portal.url}${path}`, { headers: { cookie } });
        const text = await answer.text();
        if (answer.status !== 200 || !text.includes("</html>")) throw new Error(`${path}: ${answer.status}`);
        times.push(performance.now() - began);
      }
      rows.push(`| ${what} | ${median(times).toFixed(0)} |`);
    }
    return rows;
  } finally {
    await portal.end();
    await sim.end();
  }
}

export async function trail() {
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-trail-"));
  try {
    const [key, config, url] = [join(folder, "audit.key"), join(folder, "Leptos.toml"), `sqlite://${join(folder, "trail.db")}`];
    writeFileSync(key, "0123456789abcdef0123456789ABCDEF", { mode: 0o600 });
    writeFileSync(config, `[storage]\nurl = "${url}"\n[secrets]\nmaster_key_file = "${join(folder, "qm.key")}"\naudit_key_file = "${key}"\n`);
    const cargo = ["run", "--quiet", "--release", "--locked", "-p", "storage", "--example", "long_trail", "--", url, key, `${RECORDS}`];
    const began = performance.now();
    execFileSync("cargo", cargo, { stdio: ["ignore", "inherit", "inherit"] });
    const written = (performance.now() - began) / 1_000;
    const times = [];
    let words = "";
    for (let at = 0; at < TIMES; at += 1) {
      const started = performance.now();
      const verified = spawnSync(process.env.QUARTERMASTER_BIN, ["verify-audit", "--config", config], { encoding: "utf8" });
      times.push((performance.now() - started) / 1_000);
      if (verified.status !== 0) throw new Error(verified.stdout + verified.stderr);
      words = verified.stdout.trim();
    }
    const proved = median(times);
    const rows = await searched(folder, key, url);
    return `## A trail of a million records

SQLite, ${RECORDS.toLocaleString("en-US")} records of about 450 bytes with a checkpoint each thousand, written in ${written.toFixed(0)} s (a transaction and a
checkpoint for each thousand; with the build of what writes them). \`${words}\`

| | |
|---|---|
| \`verify-audit\`, median of ${TIMES}, s, goal 5 | ${proved.toFixed(1)}, **${proved <= 5 ? "met" : "missed"}** |

Searches through the server, as whole pages, median of ${TIMES}, ms. What passes a filter is looked for from the newest back, so what is not there is the slowest.

| looked for | ms |
|---|---|
${rows.join("\n")}
`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
