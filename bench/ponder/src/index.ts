// What `indexer/src/fold.rs` does for the events that the benchmark's chain has: each becomes a row of `events`, and its subject
// is brought up to it. Addresses come from Ponder in lower case already.
import { type Context, ponder } from "ponder:registry";
import { type Terms, balances, bounties, events } from "ponder:schema";
import type { Address, Hex } from "viem";

ponder.on("Escrow:Posted", async ({ event, context }) => {
  const { bounty: id, terms: given } = event.args;
  const terms: Terms = {
    ...given,
    rateMax: String(given.rateMax),
    unitsMax: Number(given.unitsMax),
    bond: String(given.bond),
    faultPenalty: String(given.faultPenalty),
    openUntil: Number(given.openUntil),
    verifierFee: String(given.verifierFee),
    verifierBondMin: String(given.verifierBondMin),
    salt: String(given.salt),
  };
  const at = place(event, context);
  await context.db.insert(events).values({ ...at, name: "posted", bountyId: id, payload: { type: "posted", bounty: id, terms } });
  await context.db.insert(bounties).values({
    id,
    chainId: at.chainId,
    poster: given.poster,
    token: given.token,
    specHash: given.specHash,
    rateMax: given.rateMax,
    bond: given.bond,
    seats: given.seats,
    seatsTaken: 0,
    openClaim: given.openClaim,
    openUntil: time(given.openUntil),
    postedAt: at.blockTime,
    state: {
      id,
      terms,
      postedAt: Number(event.block.timestamp),
      escrow: "0",
      funded: "0",
      seatsTaken: 0,
      seatsVacated: 0,
    },
    blockNumber: at.blockNumber,
  });
});

ponder.on("Escrow:Funded", async ({ event, context }) => {
  const { bounty: id, from, amount, escrow } = event.args;
  const at = place(event, context);
  const payload = { type: "funded", bounty: id, from, amount: String(amount), escrow: String(escrow) };
  await context.db.insert(events).values({ ...at, name: "funded", bountyId: id, payload });
  await context.db.update(bounties, { id }).set(({ state }) => ({
    state: { ...state, escrow: String(escrow), funded: String(BigInt(state.funded) + amount) },
    blockNumber: at.blockNumber,
  }));
});

ponder.on("Escrow:Credited", ({ event, context }) => balanceChanged("credited", event, context));

ponder.on("Escrow:Debited", ({ event, context }) => balanceChanged("debited", event, context));

type BalanceChange = At & { args: { account: Address; token: Address; amount: bigint; balance: bigint } };

async function balanceChanged(name: string, event: BalanceChange, context: Context) {
  const { account, token, amount, balance } = event.args;
  const at = place(event, context);
  const payload = { type: name, account, token, amount: String(amount), balance: String(balance) };
  await context.db.insert(events).values({ ...at, name, payload });
  const { chainId, blockNumber } = at;
  await context.db
    .insert(balances)
    .values({ chainId, account, token, balance, blockNumber })
    .onConflictDoUpdate({ balance, blockNumber });
}

type At = {
  block: { number: bigint; hash: Hex; timestamp: bigint };
  transaction: { hash: Hex };
  log: { logIndex: number };
};

/** The columns that say where an event happened. */
function place({ block, transaction, log }: At, context: Context) {
  return {
    chainId: context.chain.id,
    blockNumber: Number(block.number),
    logIndex: log.logIndex,
    blockHash: block.hash,
    blockTime: time(block.timestamp),
    txHash: transaction.hash,
  };
}

/** Times past the year 9999 are stored as its end, as `store::convert::to_time` does. */
function time(seconds: bigint): Date {
  return new Date(Math.min(Number(seconds), 253_402_300_799) * 1000);
}
