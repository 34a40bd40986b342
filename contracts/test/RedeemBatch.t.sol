// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {
    BatchEntry,
    Bid,
    IEscrow,
    Offer,
    ProvenVerdict,
    SignedStatement,
    Status,
    Terms
} from "../src/interfaces/IEscrow.sol";
import {Base} from "./utils/Base.sol";
import {Digests} from "./utils/Digests.sol";
import {Vm} from "./utils/Vm.sol";

contract RedeemBatchTest is Base {
    Offer[] private offers;
    SignedStatement[] private statements;
    BatchEntry[] private entries;
    bytes[] private reasons;

    function setUp() public override {
        super.setUp();
        Terms memory t = nativeTerms();
        t.seats = 5;
        offers.push(Offer(t, verifiers()));
        t.token = address(usd);
        offers.push(Offer(t, verifiers()));
    }

    /// @dev Engages `nonce` under one of the two offers.
    function start(uint32 offer, uint256 nonce, uint128 relayFee) private returns (Bid memory b, bytes32 id) {
        Terms memory t = offers[offer].terms;
        b = bidFor(t, nonce);
        b.relayFee = relayFee;
        if (nonce == 0) post(t, 5 * RESERVE);
        deposit(t.token, runner.addr, BOND);
        id = award(t, b);
    }

    /// @dev An entry that counts `units` in a statement pair of its own.
    function add(uint32 offer, Bid memory b, bytes32 id, uint64 units)
        private
        returns (ProvenVerdict[] memory verdicts)
    {
        Voucher memory v = voucher(id, units, 0, START + 30);
        uint32 first = uint32(statements.length);
        v.verdicts[0].statement = first;
        v.verdicts[1].statement = first + 1;
        statements.push(v.statements[0]);
        statements.push(v.statements[1]);
        entries.push(BatchEntry(offer, b, v.verdicts));
        return v.verdicts;
    }

    function submit() private returns (uint256) {
        vm.prank(relayer);
        return escrow.redeemBatch(offers, statements, entries);
    }

    function test_PaysEveryEntryOfAMixedBatch() public {
        for (uint256 i = 0; i < 3; ++i) {
            (Bid memory b, bytes32 id) = start(0, i, 0.1 ether);
            add(0, b, id, uint64(10 + i));
            (b, id) = start(1, i, 0.2 ether);
            add(1, b, id, uint64(20 + i));
        }
        warpTo(50);
        assertEq(submit(), 6);
        assertEq(payee.balance, 33 * uint256(RATE) - 0.3 ether);
        assertEq(usd.balanceOf(payee), 63 * uint256(RATE) - 0.6 ether);
        assertEq(relayer.balance, 0.3 ether);
        assertEq(usd.balanceOf(relayer), 0.6 ether);
        assertEq(address(escrow).balance, 5 * RESERVE + 3 * uint256(BOND) - 33 * uint256(RATE));
        assertEq(usd.balanceOf(address(escrow)), 5 * RESERVE + 3 * uint256(BOND) - 63 * uint256(RATE));
    }

    function test_OneTreeServesTheWholeBatch() public {
        bytes32[] memory leaves = new bytes32[](5);
        Bid[] memory bids = new Bid[](5);
        for (uint256 i = 0; i < 5; ++i) {
            bytes32 id;
            (bids[i], id) = start(0, i, 0);
            leaves[i] = leafOf(id, uint64(i + 1), 0);
        }
        SignedStatement[] memory two = statementsOver(leaves, START + 30);
        for (uint256 i = 0; i < 5; ++i) {
            entries.push(BatchEntry(0, bids[i], verdictsAt(leaves, i, uint64(i + 1), 0)));
        }
        warpTo(50);
        assertEq(escrow.redeemBatch(offers, two, entries), 5);
        assertEq(payee.balance, 15 * uint256(RATE));
    }

    function test_RelayFeesOfOneTokenAreSentTogether() public {
        for (uint256 i = 0; i < 3; ++i) {
            (Bid memory b, bytes32 id) = start(1, i, 1);
            add(1, b, id, 1);
        }
        warpTo(50);
        vm.recordLogs();
        submit();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 transfers = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(usd)) ++transfers;
        }
        assertEq(transfers, 4);
        assertEq(usd.balanceOf(relayer), 3);
    }

    function test_SkipsEachSortOfBadEntryWithItsReasonAndPaysTheOthers() public {
        (Bid memory before, bytes32 beforeId) = start(0, 0, 0);
        (Bid memory b, bytes32 id) = start(0, 1, 0);
        (Bid memory last, bytes32 lastId) = start(1, 0, 0);
        add(0, before, beforeId, 10);
        addBad(b, id);
        add(1, last, lastId, 20);
        warpTo(50);
        vm.recordLogs();
        assertEq(submit(), 2);
        assertEq(payee.balance, 10 * uint256(RATE));
        assertEq(usd.balanceOf(payee), 20 * uint256(RATE));
        assertEngagement(id, Status.Active, 0, UNITS, 0);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 seen = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IEscrow.Skipped.selector) assertEq(logs[i].data, abi.encode(reasons[seen++]));
        }
        assertEq(seen, reasons.length);
        assertEq(seen, 9);
    }

    function addBad(Bid memory b, bytes32 id) private {
        // Another bounty's offer.
        add(1, b, id, 10);
        reasons.push(abi.encodeWithSelector(IEscrow.WrongBounty.selector, bountyOf(offers[1].terms), b.bounty));
        // Nobody's bid.
        Bid memory none = bidFor(offers[0].terms, 99);
        add(0, none, Digests.bid(none), 10);
        reasons.push(abi.encodeWithSelector(IEscrow.NotEngaged.selector, Digests.bid(none), Status.None));

        entries.push(BatchEntry(0, b, new ProvenVerdict[](1)));
        reasons.push(abi.encodeWithSelector(IEscrow.WrongVerdictCount.selector, 2, 1));

        add(0, b, id, 10);
        entries[entries.length - 1].verdicts[1].statement = 10_000;
        reasons.push(abi.encodeWithSelector(IEscrow.NoSuchStatement.selector, 0, 10_000));
        uint256 missing = reasons.length - 1;

        add(0, b, id, 10);
        statements[statements.length - 2].verifier = stranger;
        reasons.push(abi.encodeWithSelector(IEscrow.NotVerifier.selector, stranger));

        add(0, b, id, 10);
        statements[statements.length - 1].signature = hex"00";
        reasons.push(abi.encodeWithSelector(IEscrow.BadSignature.selector, verifier[1].addr));

        add(0, b, id, 10);
        entries[entries.length - 1].verdicts[0].units = 11;
        reasons.push(abi.encodeWithSelector(IEscrow.VerdictNotProven.selector, verifier[0].addr));

        add(0, b, id, 10);
        statements[statements.length - 1] =
            signStatement(verifier[1], statements[statements.length - 1].root, START + 31);
        reasons.push(abi.encodeWithSelector(IEscrow.ChallengeOpen.selector, START + 51, START + 50));

        add(0, b, id, 0);
        reasons.push(abi.encodeWithSelector(IEscrow.NothingNew.selector, 0, 0));
        // The last good entry adds two more.
        reasons[missing] = abi.encodeWithSelector(IEscrow.NoSuchStatement.selector, statements.length + 2, 10_000);
    }

    function test_TheSameVoucherTwicePaysOnce() public {
        (Bid memory b, bytes32 id) = start(0, 0, 0);
        add(0, b, id, 10);
        entries.push(entries[0]);
        warpTo(50);
        vm.expectEmit(address(escrow));
        emit IEscrow.Skipped(id, abi.encodeWithSelector(IEscrow.NothingNew.selector, 10, 10));
        assertEq(submit(), 1);
        assertEq(payee.balance, 10 * uint256(RATE));
    }

    function test_AFaultThatEndsOneEngagementLeavesTheNextAlone() public {
        (Bid memory b, bytes32 id) = start(0, 0, 0);
        (Bid memory next, bytes32 nextId) = start(0, 1, 0);
        Voucher memory v = voucher(id, 5, 3, START + 30);
        statements.push(v.statements[0]);
        statements.push(v.statements[1]);
        entries.push(BatchEntry(0, b, v.verdicts));
        add(0, next, nextId, 10);
        warpTo(50);
        assertEq(submit(), 2);
        assertEngagement(id, Status.Ended, 5, 50, 3);
        assertEngagement(nextId, Status.Active, 10, UNITS, 0);
        assertEq(payee.balance, 15 * uint256(RATE));
        assertEq(poster.addr.balance, 3 * PENALTY);
    }

    function test_AnEmptyBatchDoesNothing() public {
        assertEq(submit(), 0);
    }

    function test_RevertWhen_TheBatchIsTooLong() public {
        BatchEntry[] memory many = new BatchEntry[](101);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.BatchTooLong.selector, 100, 101));
        escrow.redeemBatch(offers, statements, many);
        many = new BatchEntry[](100);
        assertEq(escrow.redeemBatch(offers, statements, many), 0);
    }

    function test_RevertWhen_AnEntryNamesNoOffer() public {
        (Bid memory b, bytes32 id) = start(0, 0, 0);
        add(2, b, id, 10);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NoSuchOffer.selector, 2, 2));
        submit();
    }

    function test_RevertWhen_AnOfferHasAnotherVerifierSet() public {
        offers[1].verifiers.threshold = 1;
        Offer memory offer = offers[1];
        vm.expectRevert(
            abi.encodeWithSelector(
                IEscrow.WrongVerifierSet.selector, offer.terms.verifierSet, Digests.verifierSet(offer.verifiers)
            )
        );
        submit();
    }
}
