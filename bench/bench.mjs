// Measures what is named (visit, table, groups, history, reading, giving, lists, trail, sessions, consumption; all of them without a name) and writes it into RESULTS.md; the
// other sections stay as they were measured last.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { consumption } from "./consumption.mjs";
import { groups } from "./groups.mjs";
import { history } from "./history.mjs";
import { lists } from "./lists.mjs";
import { sessions } from "./sessions.mjs";
import { table } from "./table.mjs";
import { giving, reading } from "./tenant.mjs";
import { trail } from "./trail.mjs";
import { visit } from "./visit.mjs";

const SECTIONS = { visit, table, groups, history, reading, giving, lists, trail, sessions, consumption };
const HEADINGS = { visit: "## A first visit", table: "## The table at", groups: "## The groups at", history: "## A year of", reading: "## Reading 100,000", giving: "## 100,000 licenses", lists: "## A list of 100,000", trail: "## A trail of a million", sessions: "## A page among 10,000 sessions", consumption: "## The simulated consumption" };
const results = new URL("RESULTS.md", import.meta.url);
const wanted = process.argv.slice(2).length ? process.argv.slice(2) : Object.keys(SECTIONS);

const before = existsSync(results) ? readFileSync(results, "utf8").split(/^(?=## )/m) : [];
const texts = {};
for (const name of Object.keys(SECTIONS)) {
  texts[name] = wanted.includes(name) ? await SECTIONS[name]() : before.find((text) => text.startsWith(HEADINGS[name]));
}
// What was measured elsewhere, such as the long runs, stays as well.
const others = before.slice(1).filter((text) => !Object.values(HEADINGS).some((heading) => text.startsWith(heading)));
const day = new Date().toISOString().slice(0, 10);
const whole = `# Measurements

Made by \`script/bench\` on ${os.cpus().length} cores (${os.cpus()[0].model.trim()}), release build, ${day}. Browser, server and simulated tenant share the cores.

${[...Object.values(texts), ...others].filter(Boolean).map((text) => text.trim()).join("\n\n")}
`;
writeFileSync(results, whole);
console.log(whole);
process.exit(0);
