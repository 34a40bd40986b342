// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IEvents} from "../../src/interfaces/IEvents.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {
    Attestation,
    AttestedVerdict,
    BatchEntry,
    Bid,
    Offer,
    SignedVerdict,
    Status,
    Terms,
    VerifierSet
} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {Digests} from "../utils/Digests.sol";
import {OddAccount1271} from "../utils/Hostile.sol";

/// @notice ERC-1271 signers that misbehave: asking one costs a bounded amount of gas, and nobody else anything.
contract ContractSignerTest is Base {
    OddAccount1271 private odd;
    VerifierSet private set;
    Terms private t;
    Bid private b;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        odd = new OddAccount1271();
        VerifierSet memory only = VerifierSet(1, new address[](1));
        only.members[0] = address(odd);
        set = only;
        Terms memory terms = nativeTerms();
        terms.verifierSet = Digests.verifierSet(only);
        Bid memory bid = bidFor(terms, 0);
        (t, b) = (terms, bid);
        post(terms, RESERVE);
        deposit(address(0), runner.addr, BOND);
        bytes memory choice = sign(poster, Digests.award(awardFor(bid)));
        id = escrow.award(terms, only, bid, sign(runner, Digests.bid(bid)), awardFor(bid), choice);
        warpTo(50);
    }

    /// @dev What the account's code "signed".
    function verdicts() private pure returns (SignedVerdict[] memory list) {
        list = new SignedVerdict[](1);
        list[0] = SignedVerdict(pack(0, START + 30, 7, 10, 0), EVIDENCE, "by code", new bytes32[](0));
    }

    /// @dev With no more gas than one redemption and one question cost.
    function submit() private returns (bool ok, bytes memory why) {
        bytes memory data = abi.encodeCall(IMarket.redeem, (t, set, b, verdicts()));
        (ok, why) = address(escrow).call{gas: 450_000}(data);
    }

    function assertAccepted() private {
        (bool ok,) = submit();
        assertTrue(ok);
        assertEq(payee.balance, 5 ether);
    }

    function assertRefused() private {
        (bool ok, bytes memory why) = submit();
        assertFalse(ok);
        assertEq(why, abi.encodeWithSelector(IErrors.NotAttested.selector, address(odd)));
    }

    function test_TakesAnAnswerWithinTheGas() public {
        odd.set(OddAccount1271.Way.Says, 190_000);
        assertAccepted();
    }

    function test_RefusesAnAnswerThatNeedsMore() public {
        odd.set(OddAccount1271.Way.Says, 200_000);
        assertRefused();
    }

    function test_RefusesASignerThatBurnsAllGas() public {
        odd.set(OddAccount1271.Way.BurnsGas, 0);
        assertRefused();
    }

    function test_RefusesTheRightAnswerInARevert() public {
        odd.set(OddAccount1271.Way.RevertsWithYes, 0);
        assertRefused();
    }

    function test_RefusesNoAnswerAtAll() public {
        odd.set(OddAccount1271.Way.SaysNothing, 0);
        assertRefused();
    }

    function test_CopiesNoMoreThanAWordOfALongAnswer() public {
        odd.set(OddAccount1271.Way.SaysALot, 0);
        assertAccepted();
        odd.set(OddAccount1271.Way.RevertsWithALot, 0);
        assertRefused();
    }

    function test_AGasBurningAttestationStopsNoBatch() public {
        odd.set(OddAccount1271.Way.BurnsGas, 0);
        Terms memory terms = nativeTerms();
        Bid memory fine = bidFor(terms, 0);
        warpTo(0);
        bytes32 fineId = engage(terms, fine);
        warpTo(50);
        Offer[] memory offers = new Offer[](2);
        (offers[0], offers[1]) = (Offer(t, set), Offer(terms, verifiers()));
        BatchEntry[] memory entries = new BatchEntry[](2);
        (entries[0].bid, entries[0].verdicts) = (b, new AttestedVerdict[](1));
        entries[0].verdicts[0] = AttestedVerdict(pack(0, 0, 7, 10, 0), EVIDENCE);
        entries[1] = batchEntry(1, fine, 10, 0, 5);

        vm.expectEmit(address(escrow));
        emit IEvents.Skipped(id, abi.encodeWithSelector(IErrors.NotAttested.selector, address(odd)));
        assertEq(escrow.redeemBatch{gas: 1_500_000}(offers, askedFiveTimes(fineId), entries), 1);
        assertEq(payee.balance, 5 ether);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertEngagement(fineId, Status.Active, 10, UNITS, 0);
    }

    /// @dev Before the attestations that pay. The first is named by an entry, the others hold one verdict nobody names.
    function askedFiveTimes(bytes32 fineId) private view returns (Attestation[] memory all) {
        all = new Attestation[](7);
        for (uint256 i = 0; i < 5; ++i) {
            (all[i].verifier, all[i].attestedAt, all[i].signature) = (address(odd), uint64(START + 30), "by code");
            if (i != 0) all[i].proof = new bytes32[](1);
        }
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leafOf(fineId, 10, 0);
        (all[5], all[6]) = (attestation(0, leaves, START + 30), attestation(1, leaves, START + 30));
    }
}
