"""What both agents share: the API, and what is signed."""

import time
from pathlib import Path

import requests
from eth_account import Account
from eth_account.messages import encode_typed_data

BID = [
    {"name": "bounty", "type": "bytes32"},
    {"name": "runner", "type": "address"},
    {"name": "payee", "type": "address"},
    {"name": "node", "type": "address"},
    {"name": "rate", "type": "uint128"},
    {"name": "relayFee", "type": "uint128"},
    {"name": "expiresAt", "type": "uint64"},
    {"name": "nonce", "type": "uint256"},
]
AWARD = [
    {"name": "bounty", "type": "bytes32"},
    {"name": "bid", "type": "bytes32"},
    {"name": "expiresAt", "type": "uint64"},
    {"name": "spare", "type": "bool"},
]


class Problem(Exception):
    """A refusal: match on `code`, and retry only what says `retryable`."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body['code']}: {body['detail']}")
        self.status, self.code, self.retryable = status, body["code"], body["retryable"]


class Api:
    def __init__(self, url):
        self.url = url

    def get(self, path, **query):
        return self._read(requests.get(self.url + path, params=query, timeout=30))

    def post(self, path, body):
        return self._read(requests.post(self.url + path, json=body, timeout=30))

    def _read(self, response):
        body = response.json()
        if not response.ok:
            raise Problem(response.status_code, body)
        return body


def account(key_file):
    return Account.from_key(Path(key_file).read_text().strip())


def sign(signer, network, name, fields, message):
    """An EIP-712 signature over `message`, whose amounts are decimal strings as the API wants them."""
    domain = {
        "name": network["name"],
        "version": network["version"],
        "chainId": network["chainId"],
        "verifyingContract": network["escrow"],
    }
    integers = {field["name"] for field in fields if field["type"].startswith("uint")}
    values = {key: int(value) if key in integers else value for key, value in message.items()}
    signable = encode_typed_data(domain, {name: fields}, values)
    return "0x" + signer.sign_message(signable).signature.hex().removeprefix("0x")


def eventually(what, ask):
    """Asks until there is an answer. What is not there yet is asked for again; refusals end it."""
    for _ in range(240):
        try:
            found = ask()
            if found is not None:
                return found
        except Problem as problem:
            if not problem.retryable and problem.status != 404:
                raise
        time.sleep(0.5)
    raise TimeoutError(f"no {what} within two minutes")
