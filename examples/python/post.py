"""An agent with a stablecoin and no gas has a sequencer run: it posts and funds a bounty with one call of a stock x402 client, awards the
cheapest bid, and waits until work has been paid."""

import argparse
import json
import secrets
import sys
import time

import rfc8785
from eth_abi import encode
from eth_utils import keccak
from piecework import AWARD, Api, account, eventually, sign
from x402 import x402ClientSync
from x402.http.clients import x402_requests
from x402.mechanisms.evm.exact import register_exact_evm_client

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--api", default="http://127.0.0.1:8080")
parser.add_argument("--key-file", default="poster.key")
parser.add_argument("--token", required=True)
parser.add_argument("--chain-id", type=int, default=31338)
parser.add_argument("--verifiers", required=True, help="addresses, separated by commas")
flags = parser.parse_args()

api, poster = Api(flags.api), account(flags.key_file)
network = api.get("/v1/network")

# What to run, and who judges. Terms name both by their hashes.
spec = {
    "kind": "sequencer",
    "version": 1,
    "title": "Run our sequencer",
    "description": "A block a second; no archive needed",
    "chainId": flags.chain_id,
    "finality": "safe",
    "timelySeconds": 3,
    "graceSeconds": 2,
    "blocksMin": 1,
    "revisionsMax": 0,
}
members = sorted(flags.verifiers.split(","), key=lambda address: int(address, 16))
terms = {
    "poster": poster.address,
    "token": flags.token,
    "rateMax": "1000000",  # a dollar a block
    "unitsMax": 20,
    "unitSeconds": 1,
    "epochSeconds": 4,
    "seats": 1,
    "bond": "0",
    "faultPenalty": "0",
    "faultsMax": 0,
    "openUntil": int(time.time()) + 600,
    "challengeSeconds": 1,
    "noticeSeconds": 2,
    "silenceSeconds": 2,
    "verifierFee": "0",
    "verifierBondMin": "0",
    "openClaim": False,
    "verifierSet": "0x" + keccak(encode(["uint8", "address[]"], [2, members])).hex(),
    "arbiter": "0x" + "00" * 20,
    "specHash": "0x" + keccak(rfc8785.dumps(spec)).hex(),
    "salt": str(secrets.randbits(128)),
}
offer = {"terms": terms, "verifiers": {"threshold": 2, "members": members}, "spec": spec}
checked = api.post("/v1/specs/check", offer)
print(f"it costs {checked['cost']} base units", checked["warnings"], file=sys.stderr)

# One call. The client answers the 402 by a signature; the same call again is safe at any time.
wallet = register_exact_evm_client(x402ClientSync(), poster)
# Stock clients refuse tokens they don't know.
wallet.set_spend_controls({"allowed_assets": True})
paying = x402_requests(wallet)


def post():
    answer = paying.post(f"{api.url}/v1/bounties", json=offer, timeout=60)
    if answer.status_code not in (201, 202):
        raise RuntimeError(f"{answer.status_code} {answer.text}")
    return answer.json()["id"] if answer.status_code == 201 else None


bounty = eventually("bounty", post)
print(f"posted {bounty}", file=sys.stderr)


def cheapest():
    bids = api.get(f"/v1/bounties/{bounty}/bids")["items"]
    return bids[0]["id"] if bids else None


# Bids come cheapest first.
bid = eventually("bid", cheapest)
award = {"bounty": bounty, "bid": bid, "expiresAt": terms["openUntil"], "spare": False}
api.post(f"/v1/bounties/{bounty}/awards", {"award": award, "signature": sign(poster, network, "Award", AWARD, award)})


def paid():
    engagement = api.get(f"/v1/engagements/{bid}")
    return engagement if engagement["unitsPaid"] > 0 else None


# A bid's id is its engagement's.
engagement = eventually("payment", paid)
print(json.dumps({"bounty": bounty, "engagement": bid, "unitsPaid": engagement["unitsPaid"]}))
