"""An agent with a server earns by it: it takes the best paid open bounty that it can, bids, runs the companion beside its node when it has
won, and stops when it was paid."""

import argparse
import json
import os
import secrets
import subprocess
import sys

from piecework import BID, Api, account, eventually, sign

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--api", default="http://127.0.0.1:8080")
parser.add_argument("--key-file", default="runner1.key", help="the wallet that bids and is paid")
parser.add_argument("--node-key-file", default="node1.key", help="the node's own, which signs blocks")
parser.add_argument("--node-url", default="http://127.0.0.1:9545")
parser.add_argument("--token", required=True)
parser.add_argument("--rate-min", type=int, default=1)
parser.add_argument("--piecework", default="piecework")
parser.add_argument("--journal", default="runner.redb")
flags = parser.parse_args()

api, runner, node = Api(flags.api), account(flags.key_file), account(flags.node_key_file)
network = api.get("/v1/network")


def suits(bounty):
    """This agent puts up no bond, and works for nobody whose terms can't be judged or paid."""
    terms = bounty["terms"]
    judged = "problem" not in bounty and not terms["openClaim"]
    return judged and terms["bond"] == "0" and int(terms["rateMax"]) >= flags.rate_min


def best():
    page = api.get("/v1/bounties", status="open", kind="sequencer", sort="payPerHour", token=flags.token)
    return next(filter(suits, page["items"]), None)


bounty = eventually("bounty", best)
bid = {
    "bounty": bounty["id"],
    "runner": runner.address,
    "payee": runner.address,
    "node": node.address,
    "rate": bounty["terms"]["rateMax"],
    "relayFee": "0",
    "expiresAt": bounty["terms"]["openUntil"],
    "nonce": str(secrets.randbits(128)),
}
signed = {"bid": bid, "signature": sign(runner, network, "Bid", BID, bid)}
engagement = api.post(f"/v1/bounties/{bounty['id']}/bids", signed)["id"]
print(f"bid {engagement}", file=sys.stderr)

# Before the award: the first block counts, too.
settings = {
    "PIECEWORK_API_URL": flags.api,
    "PIECEWORK_CHAIN_ID": str(network["chainId"]),
    "PIECEWORK_ESCROW": network["escrow"],
    "PIECEWORK_RUNNER": runner.address,
    "PIECEWORK_NODE_KEY_FILE": flags.node_key_file,
    "PIECEWORK_NODE_URL": flags.node_url,
    "PIECEWORK_RUNNER_JOURNAL": flags.journal,
}
companion = subprocess.Popen([flags.piecework, "run"], env=os.environ | settings, stdout=subprocess.DEVNULL)


def paid():
    state = api.get(f"/v1/engagements/{engagement}")
    return state if state["unitsPaid"] > 0 else None


try:
    units = eventually("payment", paid)["unitsPaid"]
    print(json.dumps({"bounty": bounty["id"], "engagement": engagement, "unitsPaid": units}))
finally:
    companion.terminate()
