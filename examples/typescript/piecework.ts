// What both agents share: the API, and what is signed.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, type Hex, type TypedDataDomain } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";

export interface Network {
  chainId: number;
  escrow: Address;
  name: string;
  version: string;
}

/** A refusal: match on `code`, and retry only what says `retryable`. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryable: boolean,
  ) {
    super(`${status} ${code}: ${detail}`);
  }
}

export class Api {
  constructor(readonly url: string) {}

  get<T>(path: string): Promise<T> {
    return this.#ask<T>(path, {});
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#ask<T>(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await fetch(this.url + path, init);
    const body = await response.json();
    if (!response.ok) throw new Problem(response.status, body.code, body.detail, body.retryable);
    return body as T;
  }
}

export function account(keyFile: string): PrivateKeyAccount {
  return privateKeyToAccount(readFileSync(keyFile, "utf8").trim() as Hex);
}

/** The domain of every signature. */
export function domain({ name, version, chainId, escrow }: Network): TypedDataDomain {
  return { name, version, chainId, verifyingContract: escrow };
}

export const types = {
  Bid: [
    { name: "bounty", type: "bytes32" },
    { name: "runner", type: "address" },
    { name: "payee", type: "address" },
    { name: "node", type: "address" },
    { name: "rate", type: "uint128" },
    { name: "relayFee", type: "uint128" },
    { name: "expiresAt", type: "uint64" },
    { name: "nonce", type: "uint256" },
  ],
  Award: [
    { name: "bounty", type: "bytes32" },
    { name: "bid", type: "bytes32" },
    { name: "expiresAt", type: "uint64" },
    { name: "spare", type: "bool" },
  ],
} as const;

export interface Engagement {
  id: Hex;
  status: string;
  unitsPaid: number;
}

/** Asks until there is an answer. What is not there yet is asked for again; refusals end it. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 240; tries++) {
    try {
      const found = await ask();
      if (found !== undefined) return found;
    } catch (error) {
      if (!(error instanceof Problem && (error.retryable || error.status === 404))) throw error;
    }
    await sleep(500);
  }
  throw new Error(`no ${what} within two minutes`);
}
