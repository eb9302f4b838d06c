// Lists of 100,000 lines beside 100,000 people: read and compared whole, beside reading the same bytes as CSV and no more.
import { execFileSync } from "node:child_process";

const BOUND_MS = 2_000;

export async function lists() {
  const args = ["run", "--quiet", "--release", "--locked", "-p", "domain", "--example", "lists"];
  const rows = JSON.parse(execFileSync("cargo", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
  const figure = (n) => n.toLocaleString("en-US");
  const lines = rows.map((row) =>
    `| ${row.list} | ${figure(row.ms)} | ${(row.ms / Math.max(row.csv_ms, 1)).toFixed(1)} | ${figure(row.entries)} | ${figure(row.faults)} | ${row.ms <= BOUND_MS ? "yes" : "**no**"} |`);
  return `## A list of 100,000 lines beside 100,000 people

Read, understood and compared whole (\`crates/domain/examples/lists.rs\`); the ratio is to reading the same bytes as CSV and no more, in the
same run. The aim is ${figure(BOUND_MS)} ms whatever is in the list.

| the list | ms | times CSV alone | understood | faults | within the aim |
|---|---|---|---|---|---|
${lines.join("\n")}`;
}
