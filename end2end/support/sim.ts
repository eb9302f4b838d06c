// The simulated tenant's control surface, as tests use it.
export type Assignment = { subject: string; type: string; excess: boolean; created: string };
export type State = {
  assignments: Assignment[];
  allotments: { name: string; units: number; unitsUsed: number; usageClass: string; overage?: number }[];
  settings: Record<string, boolean>;
  users: { id: string; subject: string; status: string; roles: string[]; groups: string[] }[];
  groups: { id: string; name: string; status: string; providerType: string; roles: string[] }[];
  group_settings: { autoCreateGroups: boolean; systemGroups: Record<string, { assignedRoles: { id: string }[] }> };
  roles: { id: string; name: string; type: string; level: string }[];
  now: string;
};

export class Sim {
  constructor(readonly url: string) {}

  private async send(method: string, path: string, body?: unknown) {
    const answer = await fetch(`${this.url}/_sim/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /**
   * As at the start, with this much consumption, all of it with 0: reading months of it takes what the limits leave over, and the
   * tests of a run share them.
   */
  reset = async (keepDays = 7) => {
    await this.send("POST", "reset");
    await this.options({ usage: { keep_days: keepDays } });
  };
  faults = (list: unknown[]) => this.send("PUT", "faults", list);
  options = (options: unknown) => this.send("PUT", "options", options);
  act = (act: unknown) => this.send("POST", "act", act);
  state = async (): Promise<State> => (await this.send("GET", "state")).json() as Promise<State>;
  requests = async (since = 0): Promise<any[]> => (await this.send("GET", `requests?since=${since}`)).json() as Promise<any[]>;
}

/** The (subject, allotment) pairs of a state: what an undo must bring back. */
export const pairs = (state: State) => state.assignments.map((a) => `${a.subject.toLowerCase()} ${a.type}`).sort();

/** Seats left of an allotment. */
export function free(state: State, name: string) {
  const allotment = state.allotments.find((a) => a.name === name)!;
  return allotment.units + (allotment.overage ?? 0) - allotment.unitsUsed;
}
