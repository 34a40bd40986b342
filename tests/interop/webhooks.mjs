// A receiver of webhooks on a free port, which it prints. It keeps every message and verifies it with the stock library when asked:
// GET /messages?path=/ok&secret=whsec_... Paths: /ok takes all, /flaky refuses the first, /gone wants none, /redirect leads to /ok.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const messages = [];

function verified(secret, message) {
  try {
    return new Webhook(secret).verify(message.body, message.headers);
  } catch {
    return null;
  }
}

function answer(path) {
  if (path === "/flaky" && messages.filter((message) => message.path === path).length === 1) return [500, {}];
  if (path === "/gone") return [410, {}];
  if (path === "/redirect") return [302, { location: "/ok" }];
  return [204, {}];
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://receiver");
  if (url.pathname === "/messages") {
    const asked = messages.filter((message) => message.path === url.searchParams.get("path"));
    const told = asked.map((message) => ({
      id: message.headers["webhook-id"],
      verified: verified(url.searchParams.get("secret"), message),
    }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(told));
    return;
  }
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    messages.push({ path: url.pathname, headers: request.headers, body });
    const [status, headers] = answer(url.pathname);
    response.writeHead(status, headers);
    response.end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
