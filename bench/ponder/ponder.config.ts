import { createConfig } from "ponder";
import type { Abi, Address } from "viem";
// Of contracts/artifacts/Escrow.json; the benchmark writes it beside this file.
import abi from "./abi.json";

// Ponder asks one endpoint for 20 blocks or ranges a second at first, and 5 % more at a time up to 500. That is manners towards a
// provider, and all that a local node would measure: as 25 endpoints it is asked at the full rate from the start.
const ENDPOINTS = 500 / 20;

export default createConfig({
  // Said here, because without DATABASE_URL Ponder would quietly use a PGlite of its own.
  database: { kind: "postgres", connectionString: env("DATABASE_URL") },
  chains: {
    bench: { id: Number(env("CHAIN_ID")), rpc: Array<string>(ENDPOINTS).fill(env("RPC_URL")) },
  },
  contracts: {
    Escrow: {
      chain: "bench",
      abi: abi as Abi,
      address: env("ESCROW") as Address,
      startBlock: Number(env("START_BLOCK")),
      endBlock: Number(env("END_BLOCK")),
    },
  },
});

function env(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
