// A stock client buys from a stock seller. argv: URL, file with the private key. Prints what it got as JSON.
import { readFileSync } from "node:fs";
import { ExactEvmScheme } from "@x402/evm";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

const [url, keyFile] = process.argv.slice(2);
const account = privateKeyToAccount(readFileSync(keyFile, "utf8").trim());
const client = new x402Client().register("eip155:*", new ExactEvmScheme(account));
client.setSpendControls({ allowedAssets: true });
const response = await wrapFetchWithPayment(fetch, client)(url);
const header = response.headers.get("PAYMENT-RESPONSE");
console.log(JSON.stringify({
  status: response.status,
  body: await response.json().catch(() => null),
  settlement: header ? decodePaymentResponseHeader(header) : null,
}));
