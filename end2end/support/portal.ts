// Starts programs of the project and reads from their output where they listen.
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.mjs";
import { Sim } from "./sim";

export const BIN = process.env.QUARTERMASTER_BIN ?? "quartermaster";

export type Running = { lines: string[]; errors: () => string; stop: () => Promise<void>; process: ChildProcess };

/** Starts a program and waits until it says it is ready. */
export async function start(args: string[], env: Record<string, string> = {}, bin = BIN): Promise<Running> {
  const child = spawn(bin, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  let errors = "";
  child.stderr!.on("data", (data) => (errors += data));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${bin} ${args.join(" ")} was not ready in time: ${errors}`)), 30_000);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${bin} ended with ${code}: ${errors}`)));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      lines.push(line);
      if (line.includes("is ready at")) {
        clearTimeout(late);
        resolve();
      }
    });
  });
  return {
    lines,
    errors: () => errors,
    process: child,
    stop: async () => {
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 3_000);
      await ended;
      clearTimeout(hard);
    },
  };
}

/** The address in a line that ends with one. */
export const address = (line: string) => line.split(" ").at(-1)!;

/** Small tenants of their own, a server configured for them with more of a configuration; all end with `work`. The n-th tenant's key
 * is `key-of-n`. */
export async function served(
  more: string | ((url: string) => Promise<string>),
  work: (url: string, restart: () => Promise<void>, sims: Sim[]) => Promise<void>,
  names = ["north"],
  // More of a tenant's configuration. Each tenant knows the client `portal`, which people sign in by.
  ofTenant: (name: string) => string = () => "",
) {
  const folder = mkdtempSync(join(tmpdir(), "quartermaster-"));
  const running: Running[] = [];
  let server: Running | undefined;
  try {
    const tenants: string[] = [];
    const [port, config] = [await freePort(), join(folder, "Leptos.toml")];
    for (const [at, name] of names.entries()) {
      const args = ["--listen", "127.0.0.1:0", "--users", "80", "--assignments", "60", "--groups", "5", "--seed", `${at + 1}`, "--api-key", `key-of-${at + 1}`,
        "--oauth-client", `portal=http://127.0.0.1:${port}/auth/qlik/${name}/callback`];
      const sim = await start(args, {}, process.env.QLIK_SIM_BIN ?? "qlik-sim");
      running.push(sim);
      tenants.push(`[tenants.${name}]\nname = "${name[0].toUpperCase()}${name.slice(1)}"\nurl = "${address(sim.lines[0])}"\n${ofTenant(name)}`);
    }
    writeFileSync(config, `
[server]
listen = "127.0.0.1:${port}"
[storage]
url = "sqlite://${join(folder, "qm.db")}"
[secrets]
master_key_file = "${join(folder, "qm.key")}"
${typeof more === "string" ? more : await more(`http://127.0.0.1:${port}`)}
${tenants.join("\n")}
`);
    server = await start(["serve", "--config", config]);
    await work(`http://127.0.0.1:${port}`, async () => {
      await server!.stop();
      await new Promise((done) => setTimeout(done, 1_500));
      server = await start(["serve", "--config", config]);
    }, running.map((sim) => new Sim(address(sim.lines[0]))));
  } finally {
    await server?.stop();
    for (const sim of running) await sim.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
