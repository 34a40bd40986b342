// An agent with a server earns by it: it takes the best paid open bounty that it can, bids, runs the companion beside its node when it has
// won, and stops when it was paid.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { type Address, type Hex, toHex } from "viem";
import { Api, type Engagement, type Network, account, domain, eventually, types } from "./piecework.ts";

const { values: flags } = parseArgs({
  options: {
    api: { type: "string", default: "http://127.0.0.1:8080" },
    // The wallet that bids and is paid; the node's own key signs blocks.
    "key-file": { type: "string", default: "runner1.key" },
    "node-key-file": { type: "string", default: "node1.key" },
    "node-url": { type: "string", default: "http://127.0.0.1:9545" },
    token: { type: "string", default: "" },
    "rate-min": { type: "string", default: "1" },
    piecework: { type: "string", default: "piecework" },
    journal: { type: "string", default: "runner.redb" },
  },
});
const api = new Api(flags.api);
const [runner, node] = [account(flags["key-file"]), account(flags["node-key-file"])];
const network = await api.get<Network>("/v1/network");

interface Bounty {
  id: Hex;
  problem?: string;
  spec?: { kind: string };
  terms: { rateMax: string; bond: string; openUntil: number; openClaim: boolean };
}

const bounty = await eventually("bounty", async () => {
  const query = new URLSearchParams({ status: "open", kind: "sequencer", sort: "payPerHour", token: flags.token });
  const { items } = await api.get<{ items: Bounty[] }>(`/v1/bounties?${query}`);
  // This agent puts up no bond, and works for nobody whose terms can't be judged or paid.
  return items.find((b) => !b.problem && !b.terms.openClaim && b.terms.bond === "0" && BigInt(b.terms.rateMax) >= BigInt(flags["rate-min"]));
});
const bid = {
  bounty: bounty.id,
  runner: runner.address,
  payee: runner.address as Address,
  node: node.address,
  rate: bounty.terms.rateMax,
  relayFee: "0",
  expiresAt: bounty.terms.openUntil,
  nonce: BigInt(toHex(crypto.getRandomValues(new Uint8Array(16)))).toString(),
};
const message = { ...bid, rate: BigInt(bid.rate), relayFee: 0n, expiresAt: BigInt(bid.expiresAt), nonce: BigInt(bid.nonce) };
const signature = await runner.signTypedData({ domain: domain(network), types, primaryType: "Bid", message });
const { id } = await api.post<{ id: Hex }>(`/v1/bounties/${bounty.id}/bids`, { bid, signature });
console.error(`bid ${id}`);

// Before the award: the first block counts, too.
const settings = {
  PIECEWORK_API_URL: flags.api,
  PIECEWORK_CHAIN_ID: String(network.chainId),
  PIECEWORK_ESCROW: network.escrow,
  PIECEWORK_RUNNER: runner.address,
  PIECEWORK_NODE_KEY_FILE: flags["node-key-file"],
  PIECEWORK_NODE_URL: flags["node-url"],
  PIECEWORK_RUNNER_JOURNAL: flags.journal,
};
const env = { ...process.env, ...settings };
const companion = spawn(flags.piecework, ["run"], { env, stdio: ["ignore", "ignore", "inherit"] });
try {
  const paid = await eventually("payment", async () => {
    const engagement = await api.get<Engagement>(`/v1/engagements/${id}`);
    return engagement.unitsPaid > 0 ? engagement : undefined;
  });
  console.log(JSON.stringify({ bounty: bounty.id, engagement: id, unitsPaid: paid.unitsPaid }));
} finally {
  companion.kill("SIGTERM");
}
