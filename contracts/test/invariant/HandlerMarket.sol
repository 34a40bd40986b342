// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalances} from "../../src/interfaces/IBalances.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ISettlement} from "../../src/interfaces/ISettlement.sol";
import {Award, Bid, Status, Terms} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {Steps} from "./Steps.sol";

/// @notice Money comes in, engagements begin, free money leaves.
abstract contract HandlerMarket is Steps {
    uint256 private constant ENTRIES_MAX = 12;

    function fundBounty(uint256 which, uint256 amount, bool fromDeposit) external step {
        _fund(which % OFFERS, bound(amount, 1, 2 * RESERVE), fromDeposit);
    }

    function _fund(uint256 which, uint256 amount, bool fromDeposit) internal {
        Terms memory t = offers[which];
        Book storage b = books[which];
        bool late = !b.posted && time >= t.openUntil;
        if (late && !fromDeposit) return;
        moneyIn[t.token] += amount;
        if (fromDeposit) {
            mint(t.token, escrow.depositAddress(bountyOf(t)), amount);
            send(stranger, 0, abi.encodeCall(ISettlement.postFromDeposit, (t)));
            note(late ? "late deposit" : "deposit address");
            if (late) return paid(t.token, t.poster, amount);
        } else {
            address from = b.posted ? stranger : t.poster;
            uint256 value = bring(address(escrow), t.token, from, amount);
            note(b.posted ? "fund" : "post");
            if (b.posted) send(from, value, abi.encodeCall(IMarket.fund, (t, amount)));
            else send(from, value, abi.encodeCall(IMarket.post, (t, amount)));
        }
        b.posted = true;
        b.free += amount;
        b.funded += amount;
    }

    /// @dev What the bounty can't use: another token, by anyone; its own, by the poster.
    function returnFromDeposit(uint256 which, uint256 amount, bool own) external step {
        Terms memory t = offers[which % OFFERS];
        amount = bound(amount, 1, 1 ether);
        bool native = own == (t.token == address(0));
        address token = native ? address(0) : address(usd);
        mint(token, escrow.depositAddress(bountyOf(t)), amount);
        send(own ? t.poster : stranger, 0, abi.encodeCall(ISettlement.returnDeposit, (t, token)));
        note("return from deposit");
        // A token goes straight to the poster; native coin comes through the escrow, because it may be refused.
        if (!native) {
            outside[t.poster][token] += amount;
            return;
        }
        moneyIn[token] += amount;
        paid(token, t.poster, amount);
    }

    function reclaimUnreserved(uint256 which) external step {
        which %= OFFERS;
        for (uint256 k = 0; k < OFFERS && books[which].free == 0; ++k) {
            which = (which + 1) % OFFERS;
        }
        Terms memory t = offers[which];
        Book storage b = books[which];
        if (b.free == 0) return;
        send(time < t.openUntil ? t.poster : stranger, 0, abi.encodeCall(IMarket.reclaimEscrow, (t)));
        note("reclaim escrow");
        paid(t.token, t.poster, b.free);
        b.refunded += b.free;
        b.free = 0;
    }

    function depositFree(uint256 who, bool native, uint256 amount) external step {
        address[4] memory all = [runner.addr, refuser, refusingPoster, poster.addr];
        depositFor(native ? address(0) : address(usd), all[who % 4], bound(amount, 1, 2 * BOND));
        note("deposit");
    }

    function withdrawFree(uint256 seed, uint256 amount) external step {
        for (uint256 k = 0; k < 2 * ACCOUNTS; ++k) {
            uint256 choice = (seed % (2 * ACCOUNTS) + k) % (2 * ACCOUNTS);
            address account = accounts()[choice / 2];
            address token = choice % 2 == 0 ? address(0) : address(usd);
            uint256 has = inside[account][token];
            if (has != 0) return _withdraw(account, token, bound(amount, 1, has));
        }
    }

    function _withdraw(address account, address token, uint256 amount) private {
        address to = refuses(token, account) ? payee : account;
        send(account, 0, abi.encodeCall(IBalances.withdraw, (token, to, amount)));
        note("withdraw");
        inside[account][token] -= amount;
        outside[to][token] += amount;
        moneyOut[token] += amount;
    }

    // ------------------------------------------------------------------------------------------------- engagements

    /// @param how bit 0: bond by value or allowance; 1: claim where open; 2: spare; 3: fund from the deposit address; 4: payee
    /// refuses; 5: runner refuses, when claiming
    function hire(uint256 which, uint128 rate, uint128 relayFee, uint8 how) external step {
        which %= OFFERS;
        for (uint256 k = 0; k < OFFERS && how & 4 != 0 && books[which].vacated == 0; ++k) {
            which = (which + 1) % OFFERS;
        }
        _hire(which, rate, relayFee, how);
    }

    function _hire(uint256 which, uint128 rate, uint128 relayFee, uint8 how) internal {
        Terms memory t = offers[which];
        if (time >= t.openUntil || books[which].seats == t.seats || entries.length == ENTRIES_MAX) return;
        // Who is a contract can't sign here.
        bool byClaim = t.openClaim && (how & 2 != 0 || t.poster == refusingPoster);
        Bid memory b = bidFor(t, entries.length);
        (b.node, b.expiresAt, b.relayFee) = (node.addr, t.openUntil, uint128(bound(relayFee, 0, 1 ether)));
        if (!byClaim) b.rate = uint128(bound(rate, 1, RATE));
        if (how & 16 != 0) b.payee = refuser;
        if (byClaim && how & 32 != 0) b.runner = refuser;

        uint256 reserve = uint256(b.rate) * t.unitsMax + feesFor(t, t.unitsMax);
        if (!books[which].posted || books[which].free < reserve) _fund(which, reserve, how & 8 != 0);
        bondVerifiers(t);
        uint256 value = bondFrom(b.runner, t.token, t.bond, how & 1 != 0);
        if (byClaim) {
            send(b.runner, value, abi.encodeCall(IMarket.claim, (t, verifiers(), b)));
            note("claim");
        } else {
            _award(which, t, b, value, how & 4 != 0 && books[which].vacated != 0);
        }
        _engaged(which, t, b, reserve);
    }

    function _award(uint256 which, Terms memory t, Bid memory b, uint256 value, bool spare) private {
        Award memory a = awardFor(b);
        (a.expiresAt, a.spare) = (t.openUntil, spare);
        bytes memory signature = signCompact(runner, Digests.bid(b));
        bytes memory choice = sign(poster, Digests.award(a));
        send(relayer, value, abi.encodeCall(IMarket.award, (t, verifiers(), b, signature, a, choice)));
        note(spare ? "spare award" : "award");
        if (spare) books[which].vacated -= 1;
    }

    function _engaged(uint256 which, Terms memory t, Bid memory bid, uint256 reserve) private {
        Book storage b = books[which];
        b.free -= reserve;
        b.seats += 1;
        b.vacated = min(b.vacated, t.seats - b.seats);
        Entry storage e = entries.push();
        (e.offer, e.bid, e.id, e.status) = (which, bid, Digests.bid(bid), Status.Active);
        (e.startedAt, e.unitsMax, e.locked, e.reserve, e.bond) = (time, t.unitsMax, reserve, reserve, t.bond);
        if (t.unitSeconds != 0) e.endsAt = time + uint256(t.unitsMax) * t.unitSeconds;
        touch(e);
    }
}
