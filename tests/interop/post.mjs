// An agent with stablecoins and no gas posts a bounty with one call of a stock x402 client.
// argv: API URL, file with the offer, file with the private key. Prints the answer, its status and its PAYMENT-RESPONSE as JSON.
import { readFileSync } from "node:fs";
import { ExactEvmScheme } from "@x402/evm";
import { decodePaymentResponseHeader, wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

const [api, offerFile, keyFile] = process.argv.slice(2);
const account = privateKeyToAccount(readFileSync(keyFile, "utf8").trim());
const client = new x402Client().register("eip155:*", new ExactEvmScheme(account));
// By default clients refuse tokens they don't know, and large amounts.
client.setSpendControls({ allowedAssets: true });
const response = await wrapFetchWithPayment(fetch, client)(`${api}/v1/bounties`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: readFileSync(offerFile, "utf8"),
});
const header = response.headers.get("PAYMENT-RESPONSE");
const settlement = header ? decodePaymentResponseHeader(header) : null;
console.log(JSON.stringify({ status: response.status, body: await response.json(), settlement }));
