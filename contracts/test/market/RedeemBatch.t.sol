// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {Attestation, AttestedVerdict, BatchEntry, Bid, Offer, Status, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {Vm} from "../utils/Vm.sol";

contract RedeemBatchTest is Base {
    Offer[] private offers;
    Attestation[] private attested;
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

    /// @dev An entry with a pair of attestations of its own.
    function add(uint32 offer, Bid memory b, bytes32 id, uint64 units, uint64 faults) private {
        entries.push(batchEntry(offer, b, units, faults, attested.length));
        attested.push(alone(0, id, units, faults, START + 30));
        attested.push(alone(1, id, units, faults, START + 30));
    }

    function alone(uint256 who, bytes32 id, uint64 units, uint64 faults, uint256 attestedAt)
        private
        view
        returns (Attestation memory)
    {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leafOf(id, units, faults);
        return attestation(who, leaves, attestedAt);
    }

    function submit() private returns (uint256) {
        vm.prank(relayer);
        return escrow.redeemBatch(offers, attested, entries);
    }

    function test_PaysEveryEntryOfAMixedBatch() public {
        for (uint256 i = 0; i < 3; ++i) {
            (Bid memory b, bytes32 id) = start(0, i, 0.1 ether);
            add(0, b, id, uint64(10 + i), 0);
            (b, id) = start(1, i, 0.2 ether);
            add(1, b, id, uint64(20 + i), 0);
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
        for (uint256 i = 0; i < 5; ++i) {
            (Bid memory b, bytes32 id) = start(0, i, 0);
            leaves[i] = leafOf(id, uint64(i + 1), 0);
            entries.push(batchEntry(0, b, uint64(i + 1), 0));
        }
        warpTo(50);
        assertEq(escrow.redeemBatch(offers, attestations(leaves, START + 30), entries), 5);
        assertEq(payee.balance, 15 * uint256(RATE));
    }

    function test_RelayFeesOfOneTokenAreSentTogether() public {
        for (uint256 i = 0; i < 3; ++i) {
            (Bid memory b, bytes32 id) = start(1, i, 1);
            add(1, b, id, 1, 0);
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
        add(0, before, beforeId, 10, 0);
        addBadOffer(b, id);
        addBadVerdicts(b, id);
        addBadAttestations(b, id);
        add(1, last, lastId, 20, 0);
        warpTo(50);
        vm.recordLogs();
        assertEq(submit(), 2);
        assertEq(payee.balance, 10 * uint256(RATE));
        assertEq(usd.balanceOf(payee), 20 * uint256(RATE));
        assertEngagement(id, Status.Active, 0, UNITS, 0);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 seen = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IEvents.Skipped.selector) assertEq(logs[i].data, abi.encode(reasons[seen++]));
        }
        assertEq(seen, reasons.length);
        assertEq(seen, 9);
    }

    function addBadOffer(Bid memory b, bytes32 id) private {
        // Another bounty's offer.
        add(1, b, id, 10, 0);
        reasons.push(abi.encodeWithSelector(IErrors.WrongBounty.selector, bountyOf(offers[1].terms), b.bounty));
        // Nobody's bid.
        Bid memory none = bidFor(offers[0].terms, 99);
        add(0, none, Digests.bid(none), 10, 0);
        reasons.push(abi.encodeWithSelector(IErrors.NotEngaged.selector, Digests.bid(none), Status.None));
    }

    function addBadVerdicts(Bid memory b, bytes32 id) private {
        BatchEntry memory entry = batchEntry(0, b, 10, 0, attested.length);
        AttestedVerdict[] memory one = new AttestedVerdict[](1);
        (one[0], entry.verdicts) = (entry.verdicts[0], one);
        entries.push(entry);
        attested.push(alone(0, id, 10, 0, START + 30));
        reasons.push(abi.encodeWithSelector(IErrors.WrongVerdictCount.selector, 2, 1));

        add(0, b, id, 10, 0);
        entries[entries.length - 1].verdicts[0].packed = pack(attested.length - 2, 0, 7, 11, 0);
        reasons.push(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[0].addr));

        add(0, b, id, 0, 0);
        reasons.push(abi.encodeWithSelector(IErrors.NothingNew.selector, 0, 0));
    }

    function addBadAttestations(Bid memory b, bytes32 id) private {
        entries.push(batchEntry(0, b, 10, 0, attested.length));
        entries[entries.length - 1].verdicts[1].packed = pack(255, 0, 7, 10, 0);
        attested.push(alone(0, id, 10, 0, START + 30));
        // Three pairs are still to come.
        reasons.push(abi.encodeWithSelector(IErrors.NoSuchAttestation.selector, attested.length + 8, 255));

        add(0, b, id, 10, 0);
        attested[attested.length - 2].verifier = stranger;
        reasons.push(abi.encodeWithSelector(IErrors.NotVerifier.selector, stranger));

        add(0, b, id, 10, 0);
        attested[attested.length - 1].signature = hex"00";
        reasons.push(abi.encodeWithSelector(IErrors.NotAttested.selector, verifier[1].addr));

        add(0, b, id, 10, 0);
        attested[attested.length - 1] = alone(1, id, 10, 0, START + 31);
        reasons.push(abi.encodeWithSelector(IErrors.ChallengeOpen.selector, START + 51, START + 50));
    }

    function test_TheSameVoucherTwicePaysOnce() public {
        (Bid memory b, bytes32 id) = start(0, 0, 0);
        add(0, b, id, 10, 0);
        add(0, b, id, 10, 0);
        warpTo(50);
        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(id, abi.encodeWithSelector(IErrors.NothingNew.selector, 10, 10));
        assertEq(submit(), 1);
        assertEq(payee.balance, 10 * uint256(RATE));
    }

    function test_AFaultThatEndsOneEngagementLeavesTheNextAlone() public {
        (Bid memory b, bytes32 id) = start(0, 0, 0);
        (Bid memory next, bytes32 nextId) = start(0, 1, 0);
        add(0, b, id, 5, 3);
        add(0, next, nextId, 10, 0);
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
        vm.expectRevert(abi.encodeWithSelector(IErrors.BatchTooLong.selector, 100, 101));
        escrow.redeemBatch(offers, attested, many);
        many = new BatchEntry[](100);
        assertEq(escrow.redeemBatch(offers, attested, many), 0);
    }

    function test_RevertWhen_AnEntryNamesNoOffer() public {
        (Bid memory b, bytes32 id) = start(0, 0, 0);
        add(2, b, id, 10, 0);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoSuchOffer.selector, 2, 2));
        submit();
    }

    function test_RevertWhen_AnOfferHasAnotherVerifierSet() public {
        offers[1].verifiers.threshold = 1;
        Offer memory offer = offers[1];
        vm.expectRevert(
            abi.encodeWithSelector(
                IErrors.WrongVerifierSet.selector, offer.terms.verifierSet, Digests.verifierSet(offer.verifiers)
            )
        );
        submit();
    }
}
