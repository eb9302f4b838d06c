// Qlik's own client from npm, unmodified, against the simulated tenant.
import { expect, test } from "../support/test";

test("list with paging, add, patch a group, users/me", async ({ tenant }) => {
  const { createQlikApi } = (await import("@qlik/api")) as any;
  const qlik = createQlikApi({ hostConfig: { host: tenant.url, authType: "apikey", apiKey: "demo-admin-key" } });
  const noCache = { noCache: true };

  const state = await tenant.state();
  let page = await qlik.licenses.getLicenseAssignments({ limit: 100 }, noCache);
  let seen = page.data.data.length;
  while (page.data.links.next) {
    page = await page.next();
    seen += page.data.data.length;
  }
  expect(seen).toBe(state.assignments.length);

  const added = await qlik.licenses.addLicenseAssignments({ add: [{ subject: "NEW\\one", type: "analyzer" }, { subject: "NEW\\one", type: "analyzer_time" }] });
  expect(added.status).toBe(207);
  expect(added.data.data.map((row: any) => row.status)).toEqual([201, 400]);

  const group = state.groups[0];
  const patched = await qlik.groups.patchGroup(group.id, [{ op: "replace", path: "assignedRoles", value: [{ id: state.roles[0].id }] }]);
  expect(patched.status).toBe(204);
  expect((await tenant.state()).groups[0].roles).toEqual([state.roles[0].id]);

  const me = await qlik.users.getMyUser();
  expect(me.data.subject).toBe("MERIDIAN\\license.admin");
});
