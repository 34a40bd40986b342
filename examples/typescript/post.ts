// An agent with a stablecoin and no gas has a sequencer run: it posts and funds a bounty with one call of a stock x402 client, awards the
// cheapest bid, and waits until work has been paid.
import { parseArgs } from "node:util";
import { ExactEvmScheme } from "@x402/evm";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import canonicalize from "canonicalize";
import { type Address, type Hex, encodeAbiParameters, keccak256, toHex, zeroAddress } from "viem";
import { Api, type Engagement, type Network, account, domain, eventually, types } from "./piecework.ts";

const { values: flags } = parseArgs({
  options: {
    api: { type: "string", default: "http://127.0.0.1:8080" },
    "key-file": { type: "string", default: "poster.key" },
    token: { type: "string", default: "" },
    "chain-id": { type: "string", default: "31338" },
    verifiers: { type: "string", default: "" },
  },
});
const api = new Api(flags.api);
const poster = account(flags["key-file"]);
const network = await api.get<Network>("/v1/network");

// What to run, and who judges. Terms name both by their hashes.
const spec = {
  kind: "sequencer",
  version: 1,
  title: "Run our sequencer",
  description: "A block a second; no archive needed",
  chainId: Number(flags["chain-id"]),
  finality: "safe",
  timelySeconds: 3,
  graceSeconds: 2,
  blocksMin: 1,
  revisionsMax: 0,
};
const members = (flags.verifiers.split(",") as Address[]).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
const verifiers = { threshold: 2, members };
const now = Math.floor(Date.now() / 1000);
const terms = {
  poster: poster.address,
  token: flags.token,
  rateMax: "1000000", // a dollar a block
  unitsMax: 20,
  unitSeconds: 1,
  epochSeconds: 4,
  seats: 1,
  bond: "0",
  faultPenalty: "0",
  faultsMax: 0,
  openUntil: now + 600,
  challengeSeconds: 1,
  noticeSeconds: 2,
  silenceSeconds: 2,
  verifierFee: "0",
  verifierBondMin: "0",
  openClaim: false,
  verifierSet: keccak256(encodeAbiParameters([{ type: "uint8" }, { type: "address[]" }], [2, members])),
  arbiter: zeroAddress,
  specHash: keccak256(toHex(canonicalize(spec)!)),
  salt: BigInt(toHex(crypto.getRandomValues(new Uint8Array(16)))).toString(),
};
const offer = { terms, verifiers, spec };
const { cost, warnings } = await api.post<{ cost: string; warnings: string[] }>("/v1/specs/check", offer);
console.error(`it costs ${cost} base units`, warnings);

// One call. The client answers the 402 by a signature; the same call again is safe at any time.
const wallet = new x402Client().register("eip155:*", new ExactEvmScheme(poster));
// Stock clients refuse tokens they don't know.
wallet.setSpendControls({ allowedAssets: true });
const pay = wrapFetchWithPayment(fetch, wallet);
const bounty = await eventually("bounty", async () => {
  const answer = await pay(`${api.url}/v1/bounties`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(offer),
  });
  if (answer.status !== 201 && answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.status === 201 ? ((await answer.json()) as { id: Hex }).id : undefined;
});
console.error(`posted ${bounty}`);

// Bids come cheapest first.
const bid = await eventually("bid", async () => {
  const { items } = await api.get<{ items: { id: Hex }[] }>(`/v1/bounties/${bounty}/bids`);
  return items[0]?.id;
});
const award = { bounty, bid, expiresAt: terms.openUntil, spare: false };
const message = { ...award, expiresAt: BigInt(award.expiresAt) };
const signature = await poster.signTypedData({ domain: domain(network), types, primaryType: "Award", message });
await api.post(`/v1/bounties/${bounty}/awards`, { award, signature });

// A bid's id is its engagement's.
const paid = await eventually("payment", async () => {
  const engagement = await api.get<Engagement>(`/v1/engagements/${bid}`);
  return engagement.unitsPaid > 0 ? engagement : undefined;
});
console.log(JSON.stringify({ bounty, engagement: bid, unitsPaid: paid.unitsPaid }));
