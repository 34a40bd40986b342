// A person signs in with a stock library, and a stock verifier believes the access token.
// argv: API URL, file with the private key, `viem` or `siwe`, and the scopes. Prints the answer and whether its token verifies, as JSON.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { SiweMessage } from "siwe";
import { privateKeyToAccount } from "viem/accounts";
import { createSiweMessage } from "viem/siwe";

const [api, keyFile, library, ...scopes] = process.argv.slice(2);
const account = privateKeyToAccount(readFileSync(keyFile, "utf8").trim());
const post = async (path, body) => {
  const response = await fetch(`${api}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
};

const { nonce, chainId, domains } = (await post("/v1/auth/nonce", {})).body;
const fields = {
  address: account.address,
  chainId,
  domain: domains[0],
  nonce,
  uri: `http://${domains[0]}/account`,
  version: "1",
  statement: "Sign in to Piecework.",
  resources: scopes.map((scope) => `urn:piecework:scope:${scope}`),
};
const message =
  library === "viem"
    ? createSiweMessage({ ...fields, issuedAt: new Date() })
    : new SiweMessage({ ...fields, issuedAt: new Date().toISOString() }).prepareMessage();
const answer = await post("/v1/auth/login", { message, signature: await account.signMessage({ message }) });

const believes = async (token) => {
  const [head, claims, signature] = token.split(".");
  const { kid, alg } = JSON.parse(Buffer.from(head, "base64url"));
  const { keys } = await (await fetch(`${api}/.well-known/jwks.json`)).json();
  const key = createPublicKey({ key: keys.find((key) => key.kid === kid), format: "jwk" });
  return alg === "EdDSA" && verify(null, Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, "base64url"));
};
console.log(JSON.stringify({ ...answer, believed: answer.status === 201 && (await believes(answer.body.accessToken)) }));
