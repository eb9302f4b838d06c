// An OpenID provider for the demo and the tests: the certified `oidc-provider`, and a page with one button per person instead of
// passwords. Never for anything else than a demo on this machine.
//
//   node provider.mjs [--listen 127.0.0.1:4400] [--portal http://127.0.0.1:3000] [--people people.json] [--secret SECRET]
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import Provider from "oidc-provider";

const here = dirname(fileURLToPath(import.meta.url));
const option = (name, usual) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : usual;
};
const listen = option("listen", "127.0.0.1:4400");
const portal = option("portal", "http://127.0.0.1:3000");
const secret = option("secret", "");
const people = new Map(JSON.parse(readFileSync(option("people", join(here, "people.json")), "utf8")).map((person) => [person.sub, person]));

const [host, port] = listen.split(":");
const server = createServer();
await new Promise((resolve) => server.listen(Number(port), host, resolve));
const issuer = `http://${host}:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "quartermaster",
      ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: "none" }),
      redirect_uris: [`${portal}/auth/callback`],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      backchannel_logout_uri: `${portal}/auth/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  ],
  scopes: ["openid", "profile", "email", "groups"],
  claims: { openid: ["sub"], profile: ["name", "department"], email: ["email"], groups: ["groups"] },
  // Names and groups stand in the ID token.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // It does not notify loopback addresses by its own dispatcher.
  fetch: (url, { dispatcher, ...options } = {}) => fetch(url, options),
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
  findAccount: (_, sub) => (people.has(sub) ? { accountId: sub, claims: () => people.get(sub) } : undefined),
  // Nobody is asked what the portal may know: it is the company's own.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid profile email groups");
    await grant.save();
    return grant;
  },
  cookies: { keys: ["a key of the demo"] },
  ttl: { Session: 86_400, Grant: 86_400, Interaction: 3_600, IdToken: 600, AccessToken: 600 },
});
provider.on("server_error", (_, error) => console.error(error));

const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const page = (title, body) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>${title}</title>
<style>body{font:1rem/1.5 system-ui;max-width:24rem;margin:15vh auto;padding:0 1rem}button{font:inherit;display:block;width:100%;padding:.6rem;margin:.6rem 0;text-align:left}small{display:block;opacity:.7}</style>
</head><body><h1>${title}</h1>${body}</body></html>`;

const read = (request) => new Promise((resolve) => {
  let body = "";
  request.on("data", (data) => (body += data)).on("end", () => resolve(new URLSearchParams(body)));
});

const callback = provider.callback();
server.on("request", async (request, response) => {
  try {
    if (!request.url.startsWith("/sign-in/")) return void callback(request, response);
    await provider.interactionDetails(request, response);
    if (request.method === "POST") {
      const form = await read(request);
      const result = form.has("person")
        ? { login: { accountId: form.get("person") } }
        : { error: "access_denied", error_description: "Cancelled." };
      return void (await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false }));
    }
    const buttons = [...people.values()]
      .map((person) => `<button name="person" value="${escaped(person.sub)}">${escaped(person.name || person.sub)}<small>${escaped([person.groups ?? []].flat().join(", "))}</small></button>`)
      .join("");
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page("Company sign-in", `<p>Who are you?</p><form method="post">${buttons}<button name="cancel" value="1">Cancel</button></form>`));
  } catch (error) {
    response.statusCode = 400;
    response.setHeader("content-type", "text/plain");
    response.end(`${error.message}\n`);
  }
});
console.log(`The company sign-in is ready at ${issuer}`);
process.on("SIGTERM", () => process.exit(0));
