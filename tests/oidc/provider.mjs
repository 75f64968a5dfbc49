// A provider of single sign-on for the tests: real, on loopback, with people of its own.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, port, id, secret] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: id, client_secret: secret, application_type: "native",
    redirect_uris: ["http://127.0.0.1/back", "http://127.0.0.1/sign-in/back"], response_types: ["code"], grant_types: ["authorization_code"],
    token_endpoint_auth_method: "client_secret_basic",
  }],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  claims: { openid: ["sub", "amr"] },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  // Nobody is asked whether they agree: it is their own authority's ledger.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});
const answer = provider.callback();

async function interact(req, res) {
  const { uid, prompt } = await provider.interactionDetails(req, res);
  if (prompt.name === "consent") {
    await provider.interactionFinished(req, res, { consent: {} }, { mergeWithLastSubmission: true });
    return;
  }
  if (req.method === "GET") {
    res.setHeader("content-type", "text/html");
    res.end(`<form method="post" action="/interaction/${uid}"><input name="login"></form>`);
    return;
  }
  let body = "";
  for await (const chunk of req) body += chunk;
  const accountId = new URLSearchParams(body).get("login");
  // Whoever is called …-strong has shown a second factor.
  const amr = accountId.endsWith("-strong") ? ["pwd", "otp"] : ["pwd"];
  await provider.interactionFinished(req, res, { login: { accountId, amr } });
}

createServer((req, res) => {
  if (!req.url.startsWith("/interaction/")) {
    answer(req, res);
    return;
  }
  interact(req, res).catch((error) => {
    res.statusCode = 500;
    res.end(String(error));
  });
}).listen(Number(port), "127.0.0.1");
