// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalances} from "../../src/interfaces/IBalances.sol";
import {AttestedFinding, Bond, IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Verdict} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {Merkle} from "../utils/Merkle.sol";
import {HandlerCourt} from "./HandlerCourt.sol";

/// @notice What verifiers put at risk.
abstract contract HandlerBonds is HandlerCourt {
    function _token(bool native) private view returns (address) {
        return native ? address(0) : address(usd);
    }

    function addBond(uint256 k, bool native, uint256 amount) external step {
        bondVerifier(k % 3, _token(native), bound(amount, 1, 20 ether));
    }

    /// @dev 0 stops what was thawing.
    function thawBond(uint256 k, bool native, uint256 amount) external step {
        (k, amount) = (k % 3, bound(amount, 0, bonds[k % 3][_token(native)].amount));
        bytes memory data = abi.encodeCall(IVerifierBond.thaw, (address(escrow), _token(native), amount));
        send(address(verifierBond), verifier[k].addr, 0, data);
        note(amount == 0 ? "thaw stops" : "thaw");
        Bond storage b = bonds[k][_token(native)];
        (b.thawing, b.thawsAt) = (uint128(amount), amount == 0 ? 0 : uint40(time + 30 days));
    }

    /// @param k of the verifier, and whether its native bond
    /// @param patience once in a while, wait until it has thawed
    function takeBond(uint256 k, uint256 patience) external step {
        k %= 6;
        for (uint256 tries = 0; tries < 6 && bonds[k % 3][_token(k < 3)].thawing == 0; ++tries) {
            k = (k + 1) % 6;
        }
        address token = _token(k < 3);
        k %= 3;
        Bond storage b = bonds[k][token];
        if (b.thawing == 0) return;
        if (patience % 4 == 0) waitUntil(b.thawsAt);
        if (time < b.thawsAt) return;
        bytes memory data = abi.encodeCall(IVerifierBond.unbond, (address(escrow), token));
        send(address(verifierBond), verifier[k].addr, 0, data);
        note("unbond");
        outside[verifier[k].addr][token] += b.thawing;
        bondOut[token] += b.thawing;
        (b.amount, b.thawing, b.thawsAt) = (b.amount - b.thawing, 0, 0);
    }

    /// @dev Two verdicts of one epoch, one of them in a statement of several.
    function convictVerifier(uint256 k, bool native, uint64 epoch, uint256 i, bool byRefuser) external step {
        k %= 3;
        address token = _token(native);
        uint256 amount = bonds[k][token].amount;
        if (amount == 0) return;
        bytes32 id = entries.length == 0 ? keccak256("none") : entries[i % entries.length].id;
        AttestedFinding memory a = _finding(k, id, Verdict(epoch, 1, 0, EVIDENCE), new bytes32[](0));
        bytes32[] memory beside = new bytes32[](1);
        beside[0] = keccak256("beside");
        AttestedFinding memory b = _finding(k, id, Verdict(epoch, 1, 1, EVIDENCE), beside);
        address reporter = byRefuser ? refuser : stranger;
        bytes memory data =
            abi.encodeCall(IVerifierBond.slashVerifier, (address(escrow), token, verifier[k].addr, id, a, b));
        send(address(verifierBond), reporter, 0, data);
        note("slash verifier");
        slashed(k, token, amount, reporter);
    }

    function _finding(uint256 k, bytes32 id, Verdict memory v, bytes32[] memory proof)
        private
        view
        returns (AttestedFinding memory f)
    {
        bytes32[] memory leaves = new bytes32[](1 + proof.length);
        leaves[0] = Digests.leaf(id, v.epoch, v.units, v.faults, v.evidence);
        if (proof.length != 0) leaves[1] = proof[0];
        (f.verdict, f.attestedAt, f.proof) = (v, uint64(time), proof);
        f.signature = signStatement(verifier[k], Merkle.root(leaves), time);
    }

    /// @dev Whoever's report or dispute took a bond takes its half out.
    function withdrawSlashed(uint256 seed, uint256 amount) external step {
        for (uint256 k = 0; k < 2 * (ACCOUNTS - 1); ++k) {
            uint256 choice = (seed % (2 * (ACCOUNTS - 1)) + k) % (2 * (ACCOUNTS - 1));
            (address account, address token) = (accounts()[choice / 2], _token(choice % 2 == 0));
            uint256 has = insideBond[account][token];
            if (has != 0) return _withdrawSlashed(account, token, bound(amount, 1, has));
        }
    }

    function _withdrawSlashed(address account, address token, uint256 amount) private {
        address to = refuses(token, account) ? payee : account;
        send(address(verifierBond), account, 0, abi.encodeCall(IBalances.withdraw, (token, to, amount)));
        note("withdraw slashed");
        insideBond[account][token] -= amount;
        outside[to][token] += amount;
        bondOut[token] += amount;
    }
}
