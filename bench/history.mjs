// A year of 10,000 groups of which one in a hundred changes a day: how much the history takes, and how long a comparison of two of its
// moments does, through the server.
import { statSync } from "node:fs";
import { control, house, KEYS, median, thousands } from "./lib.mjs";

const [GROUPS, DAYS, CHANGES, TIMES] = [10_000, Number(process.env.DAYS ?? 365), 100, 41];
const GOALS = { megabytes: 20, milliseconds: 200 };

/** A generator of whole numbers below n, the same in every run. */
function numbers(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const size = (file) => ["", "-wal"].map((end) => statSync(`${file}${end}`, { throwIfNoEntry: false })?.size ?? 0).reduce((a, b) => a + b);

/** The cookie of a session that is connected. */
async function session(url) {
  const answer = await fetch(`${url}/api/connect/key`, {
    method: "POST", redirect: "manual", body: new URLSearchParams({ tenant: "meridian", key: KEYS[0], back: "" }), headers: { origin: url },
  });
  return answer.headers.get("set-cookie").split(";")[0];
}

export async function history() {
  const below = numbers(1);
  const home = await house({ users: 100, assignments: 50, groups: GROUPS, customRoles: 450, rateScale: 500 });
  try {
    const { groups, roles } = await control(home.sim, "GET", "state");
    const cookie = await session(home.url);
    const send = async (path, form) => {
      const answer = await fetch(`${home.url}/api/${path}`, {
        method: "POST", body: new URLSearchParams({ tenant: "meridian", ...form }),
        headers: { cookie, origin: home.url, accept: "application/json" },
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.text();
    };
    const looked = async (query) => {
      for (;;) {
        const said = JSON.parse(await send("history/changes", { query }));
        if (said.Ready) return said.Ready[0];
        await new Promise((done) => setTimeout(done, 100));
      }
    };
    await looked("");
    const before = size(home.database);
    const [moments, kept] = [[], []];
    for (let day = 0; day < DAYS; day++) {
      for (let n = 0; n < CHANGES; n++) {
        const group = groups[below(groups.length)];
        const role = roles[below(roles.length)].id;
        group.roles = group.roles.includes(role) ? group.roles.filter((id) => id !== role) : [...group.roles, role];
        await control(home.sim, "POST", "act", { set_group_roles: { id: group.id, roles: group.roles } });
      }
      const start = performance.now();
      await send("refresh", {});
      kept.push(performance.now() - start);
      // A moment of an address is told to the second.
      await new Promise((done) => setTimeout(done, 1_001 - (Date.now() % 1_000)));
      moments.push(new Date().toISOString().slice(0, 19).split("T"));
    }
    const grown = size(home.database) - before;
    const took = [];
    let widest = 0;
    for (let n = 0; n < TIMES; n++) {
      const [a, b] = [below(DAYS), below(DAYS)].sort((x, y) => x - y);
      const [from, to] = [moments[a], moments[b]];
      const start = performance.now();
      const view = await looked(new URLSearchParams({ from: from[0], from_time: from[1], to: to[0], to_time: to[1] }).toString());
      took.push(performance.now() - start);
      widest = Math.max(widest, view.in_all);
      if (a < b && view.in_all === 0) throw new Error(`nothing differs from ${from} to ${to}`);
    }
    const megabytes = grown / 1e6;
    const ms = (n) => `${Math.round(n)} ms`;
    return `## A year of 10,000 groups

${thousands(GROUPS)} groups and ${roles.length} roles, ${CHANGES} changes between two refreshes, ${DAYS} refreshes; ${TIMES} comparisons of two random moments by the server's
function, each with who changed what (at most ${thousands(widest)} groups differed).

| | measured | goal |
|---|---|---|
| the database grew by | ${megabytes.toFixed(1)} MB | ${GOALS.megabytes} MB |
| what changed between two moments, median | ${ms(median(took))} | ${ms(GOALS.milliseconds)} |
| the slowest of ${TIMES} | ${ms(Math.max(...took))} | ${ms(GOALS.milliseconds)} |
| a refresh with its comparison, median | ${ms(median(kept))} | |
`;
  } finally {
    await home.end();
  }
}
