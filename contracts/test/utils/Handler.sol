// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Award, BatchEntry, Bid, IEscrow, NoticeBy, Offer, Status, Terms} from "../../src/interfaces/IEscrow.sol";
import {Digests} from "./Digests.sol";
import {Ledger} from "./Ledger.sol";

/// @notice What anyone may do, at random, always validly: a call that reverts fails the run. Keeps the ledger beside it.
contract Handler is Ledger {
    uint256 private constant ENTRIES_MAX = 12;

    function wait(uint256 amount) external {
        time += bound(amount, 1, 90);
    }

    function fund(uint256 which, uint256 amount, bool fromDeposit) external step {
        which %= 4;
        _fund(which, bound(amount, 1, 2 * RESERVE), fromDeposit);
    }

    function _fund(uint256 which, uint256 amount, bool fromDeposit) private {
        Terms memory t = offers[which];
        bool late = !posted[which] && time >= t.openUntil;
        if (late && !fromDeposit) return;
        given(t.token, amount);
        if (fromDeposit) {
            mint(t.token, escrow.depositAddress(bountyOf(t)), amount);
            escrow.postFromDeposit(t);
            if (late) return paid(t.token, t.poster, amount);
        } else {
            ready(t.token, t.poster, amount);
            vm.prank(t.poster);
            if (posted[which]) escrow.fund{value: valueOf(t.token, amount)}(t, amount);
            else escrow.post{value: valueOf(t.token, amount)}(t, amount);
        }
        posted[which] = true;
        free[which] += amount;
    }

    /// @param how bit 0: bond by the call's value or allowance, else from the free balance; bit 1: claim where open; bit 2: spare
    function engage(uint256 which, uint128 rate, uint128 relayFee, bool toRefuser, uint8 how) external step {
        which %= 4;
        Terms memory t = offers[which];
        if (time >= t.openUntil || seats[which] == t.seats || entries.length == ENTRIES_MAX) return;
        Bid memory b = bidFor(t, entries.length);
        b.expiresAt = t.openUntil;
        bool byClaim = t.openClaim && how & 2 != 0;
        if (!byClaim) b.rate = uint128(bound(rate, 1, RATE));
        b.relayFee = uint128(bound(relayFee, 0, 1 ether));
        if (toRefuser) b.payee = refuser;
        uint256 reserve = uint256(b.rate) * t.unitsMax + fees(t, t.unitsMax);
        if (!posted[which] || free[which] < reserve) _fund(which, reserve, how & 8 != 0);

        uint256 value = _bond(t, how & 1 != 0);
        Award memory a = awardFor(b);
        a.expiresAt = t.openUntil;
        a.spare = how & 4 != 0 && vacated[which] != 0;
        bytes memory choice = sign(poster, Digests.award(a));
        bytes memory signature = signCompact(runner, Digests.bid(b));
        vm.deal(runner.addr, runner.addr.balance + value);
        vm.prank(runner.addr);
        if (byClaim) escrow.claim{value: value}(t, verifiers(), b);
        else escrow.award{value: value}(t, verifiers(), b, signature, a, choice);

        free[which] -= reserve;
        seats[which] += 1;
        if (a.spare && !byClaim) vacated[which] -= 1;
        if (vacated[which] > t.seats - seats[which]) vacated[which] = t.seats - seats[which];
        Entry storage e = entries.push();
        (e.offer, e.bid, e.id, e.status) = (which, b, Digests.bid(b), Status.Active);
        (e.startedAt, e.unitsMax, e.locked, e.reserve, e.bond) = (time, t.unitsMax, reserve, reserve, t.bond);
        if (t.unitSeconds != 0) e.endsAt = time + uint256(t.unitsMax) * t.unitSeconds;
    }

    /// @dev The runner gets exactly what its free balance lacks, by one of the ways a bond can come.
    function _bond(Terms memory t, bool fresh) private returns (uint256 value) {
        uint256 has = escrow.balances(runner.addr, t.token);
        if (t.token == address(0) && fresh) {
            given(t.token, t.bond);
            return t.bond;
        }
        if (has < t.bond) {
            uint256 lacks = t.bond - has;
            given(t.token, lacks);
            wealth[runner.addr][t.token] += lacks;
            if (fresh) ready(t.token, runner.addr, lacks);
            else deposit(t.token, runner.addr, lacks);
        }
        wealth[runner.addr][t.token] -= t.bond;
    }

    /// @param age how much longer ago than the challenge window it was attested
    function redeem(uint256 i, uint64 units, uint64 faults, uint256 age) external step {
        if (entries.length == 0) return;
        Entry storage e = entries[i % entries.length];
        (units, faults) = (uint64(bound(units, 0, 120)), uint64(bound(faults, 0, 4)));
        Terms memory t = offers[e.offer];
        uint256 attestedAt = time - CHALLENGE - bound(age, 0, 60);
        Voucher memory v = voucher(e.id, units, faults, attestedAt);
        if (book(e, units, faults, attestedAt, relayer)) redeem(t, e.bid, v);
    }

    /// @dev Everything there is, in one tree and one batch; what can't be redeemed must be skipped.
    function redeemAll(uint64 units, uint64 faults) external step {
        uint256 length = entries.length;
        if (length == 0) return;
        units = uint64(bound(units, 0, 100));
        faults = uint64(bound(faults, 0, 2));
        bytes32[] memory leaves = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            leaves[i] = leafOf(entries[i].id, units, faults);
        }
        BatchEntry[] memory batch = new BatchEntry[](length);
        uint256 expected = 0;
        for (uint256 i = 0; i < length; ++i) {
            batch[i] = BatchEntry(uint32(entries[i].offer), entries[i].bid, verdictsAt(leaves, i, units, faults));
            if (book(entries[i], units, faults, time - CHALLENGE, refuser)) ++expected;
        }
        Offer[] memory all = new Offer[](4);
        for (uint256 i = 0; i < 4; ++i) {
            all[i] = Offer(offers[i], verifiers());
        }
        vm.prank(refuser);
        require(escrow.redeemBatch(all, statementsOver(leaves, time - CHALLENGE), batch) == expected, "redeemed");
    }

    function giveNotice(uint256 i, bool byRunner) external step {
        if (entries.length == 0) return;
        Entry storage e = pick(i, Status.Active);
        Terms memory t = offers[e.offer];
        uint256 endsAt = time + t.noticeSeconds;
        if (e.status != Status.Active || (e.endsAt != 0 && endsAt >= e.endsAt)) return;
        vm.prank(byRunner ? runner.addr : poster.addr);
        escrow.giveNotice(t, e.bid);
        (e.endsAt, e.noticeBy) = (endsAt, byRunner ? NoticeBy.Runner : NoticeBy.Poster);
    }

    function end(uint256 i, bool patient) external step {
        if (entries.length == 0) return;
        Entry storage e = pick(i, Status.Active);
        if (patient && e.endsAt > time) vm.warp(time = e.endsAt);
        bool works = e.endsAt == 0 || time < e.endsAt;
        if (e.status != Status.Active || (works && e.units != e.unitsMax)) return;
        escrow.end(offers[e.offer], verifiers(), e.bid);
        if (works) e.endsAt = time;
        else if (e.noticeBy == NoticeBy.Runner) seats[e.offer] -= 1;
        bookEnd(e);
    }

    function reclaim(uint256 i) external step {
        if (entries.length == 0) return;
        Entry storage e = pick(i, Status.Ended);
        Terms memory t = offers[e.offer];
        if (e.status != Status.Ended) return;
        if (time < e.endsAt + 110) time = e.endsAt + 110;
        vm.warp(time);
        escrow.reclaim(t, verifiers(), e.bid);
        paid(t.token, t.poster, e.reserve);
        paid(t.token, e.bid.runner, e.bond);
        (e.reserve, e.bond, e.status) = (0, 0, Status.Closed);
    }

    function reclaimEscrow(uint256 which) external step {
        which %= 4;
        Terms memory t = offers[which];
        if (free[which] == 0) return;
        vm.prank(time < t.openUntil ? poster.addr : stranger);
        escrow.reclaimEscrow(t);
        paid(t.token, poster.addr, free[which]);
        free[which] = 0;
    }

    function withdraw(uint8 seed, uint256 amount) external step {
        // Of the four balances the first that holds something.
        for (uint256 k = 0; k < 4; ++k) {
            uint256 choice = (seed % 4 + k) % 4;
            address account = choice % 2 == 0 ? refuser : runner.addr;
            address token = choice < 2 ? address(0) : address(usd);
            uint256 has = escrow.balances(account, token);
            if (has != 0) return _withdraw(account, token, bound(amount, 1, has));
        }
    }

    function _withdraw(address account, address token, uint256 amount) private {
        bool ofRefuser = account == refuser;
        vm.prank(account);
        escrow.withdraw(token, ofRefuser ? payee : account, amount);
        if (ofRefuser) {
            wealth[account][token] -= amount;
            wealth[payee][token] += amount;
        }
        moneyOut[token] += amount;
    }

    /// @dev Closed absorbs: every verb is refused.
    function knock(uint256 i, uint64 units) external step {
        if (entries.length == 0) return;
        Entry storage e = pick(i, Status.Closed);
        if (e.status != Status.Closed) return;
        Terms memory t = offers[e.offer];
        Voucher memory v = voucher(e.id, units, units, time - CHALLENGE);
        bytes[4] memory calls = [
            abi.encodeCall(IEscrow.redeem, (t, verifiers(), e.bid, v.statements, v.verdicts)),
            abi.encodeCall(IEscrow.giveNotice, (t, e.bid)),
            abi.encodeCall(IEscrow.end, (t, verifiers(), e.bid)),
            abi.encodeCall(IEscrow.reclaim, (t, verifiers(), e.bid))
        ];
        for (uint256 k = 0; k < 4; ++k) {
            vm.prank(k == 1 ? runner.addr : stranger);
            (bool ok, bytes memory why) = address(escrow).call(calls[k]);
            require(!ok && keccak256(why) == closed(e.id), "closed");
        }
    }

    function closed(bytes32 id) private pure returns (bytes32) {
        return keccak256(abi.encodeWithSelector(IEscrow.NotEngaged.selector, id, Status.Closed));
    }
}
