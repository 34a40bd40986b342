// A stock express seller that has its payments settled by our facilitator.
// argv: facilitator URL, network, asset, EIP-712 name and version of the asset, payTo. Prints its URL once it listens.
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

const [facilitator, network, asset, name, version, payTo] = process.argv.slice(2);
const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator })).register(network, new ExactEvmScheme());
const price = { asset, amount: "50000", extra: { name, version } };
const app = express();
app.use(paymentMiddleware({ "GET /weather": { accepts: { scheme: "exact", price, network, payTo }, description: "Weather" } }, server));
app.get("/weather", (_, answer) => answer.json({ weather: "sunny" }));
const listening = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${listening.address().port}`));
