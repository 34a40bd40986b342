// The mirror's tables and indexes (migrations/0005_mirror_versions.sql) as Ponder writes them: bytes are hex text, and what only
// a stream of our own needs (`seq`, months as partitions) is absent. `engagements` and `payouts` are absent too: nothing of the
// benchmark's chain goes there. What a reorg takes back, Ponder keeps in tables of its own.
import { index, onchainTable, primaryKey, sql } from "ponder";
import type { Hex } from "viem";

/** Terms as JSON carries them: amounts are decimal strings. */
export type Terms = Record<string, string | number | boolean>;

/** The whole of a bounty, as `domain::chain::Bounty` serializes. */
export type Bounty = {
  id: Hex;
  terms: Terms;
  postedAt: number;
  escrow: string;
  funded: string;
  seatsTaken: number;
  seatsVacated: number;
};

export const events = onchainTable(
  "events",
  (t) => ({
    chainId: t.int8({ mode: "number" }).notNull(),
    blockNumber: t.int8({ mode: "number" }).notNull(),
    logIndex: t.int8({ mode: "number" }).notNull(),
    blockHash: t.hex().notNull(),
    blockTime: t.timestamp({ withTimezone: true }).notNull(),
    txHash: t.hex().notNull(),
    name: t.text().notNull(),
    bountyId: t.hex(),
    engagementId: t.hex(),
    payload: t.jsonb().notNull(),
  }),
  (t) => ({
    key: primaryKey({ columns: [t.chainId, t.blockNumber, t.logIndex] }),
    ofBounty: index("events_of_bounty").on(t.bountyId, t.blockNumber, t.logIndex).where(sql`bounty_id is not null`),
    ofEngagement: index("events_of_engagement")
      .on(t.engagementId, t.blockNumber, t.logIndex)
      .where(sql`engagement_id is not null`),
  }),
);

export const bounties = onchainTable(
  "bounties",
  (t) => ({
    id: t.hex().primaryKey(),
    chainId: t.int8({ mode: "number" }).notNull(),
    poster: t.hex().notNull(),
    token: t.hex().notNull(),
    specHash: t.hex().notNull(),
    rateMax: t.bigint().notNull(),
    bond: t.bigint().notNull(),
    seats: t.int8({ mode: "number" }).notNull(),
    seatsTaken: t.int8({ mode: "number" }).notNull(),
    openClaim: t.boolean().notNull(),
    openUntil: t.timestamp({ withTimezone: true }).notNull(),
    postedAt: t.timestamp({ withTimezone: true }).notNull(),
    state: t.jsonb().$type<Bounty>().notNull(),
    blockNumber: t.int8({ mode: "number" }).notNull(),
  }),
  (t) => ({
    newest: index("bounties_newest").on(t.postedAt.desc(), t.id),
    ofPoster: index("bounties_of_poster").on(t.poster, t.postedAt.desc(), t.id),
    ofToken: index("bounties_of_token").on(t.token, t.postedAt.desc(), t.id),
    ofSpec: index("bounties_of_spec").on(t.specHash, t.postedAt.desc(), t.id),
    withSeats: index("bounties_with_seats").on(t.postedAt.desc(), t.id).where(sql`seats_taken < seats`),
  }),
);

export const balances = onchainTable(
  "balances",
  (t) => ({
    chainId: t.int8({ mode: "number" }).notNull(),
    account: t.hex().notNull(),
    token: t.hex().notNull(),
    balance: t.bigint().notNull(),
    blockNumber: t.int8({ mode: "number" }).notNull(),
  }),
  (t) => ({ key: primaryKey({ columns: [t.chainId, t.account, t.token] }) }),
);
