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
    Terms,
    VerifierSet
} from "../src/interfaces/IEscrow.sol";
import {Base} from "./utils/Base.sol";
import {Digests} from "./utils/Digests.sol";
import {OddAccount1271} from "./utils/Hostile.sol";

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
    function statement() private view returns (SignedStatement memory) {
        return SignedStatement(address(odd), leafOf(id, 10, 0), uint64(START + 30), "by code");
    }

    function verdicts(uint32 index) private pure returns (ProvenVerdict[] memory list) {
        list = new ProvenVerdict[](1);
        list[0] = ProvenVerdict(index, 7, 10, 0, keccak256("evidence"), new bytes32[](0));
    }

    /// @dev With no more gas than one redemption and one question cost.
    function submit() private returns (bool ok, bytes memory why) {
        SignedStatement[] memory statements = new SignedStatement[](1);
        statements[0] = statement();
        bytes memory data = abi.encodeCall(IEscrow.redeem, (t, set, b, statements, verdicts(0)));
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
        assertEq(why, abi.encodeWithSelector(IEscrow.BadSignature.selector, address(odd)));
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

    function test_AGasBurningStatementStopsNoBatch() public {
        odd.set(OddAccount1271.Way.BurnsGas, 0);
        Terms memory terms = nativeTerms();
        Bid memory fine = bidFor(terms, 0);
        warpTo(0);
        bytes32 fineId = engage(terms, fine);
        warpTo(50);
        Offer[] memory offers = new Offer[](2);
        (offers[0], offers[1]) = (Offer(t, set), Offer(terms, verifiers()));
        // Asked five times, before the statements that pay.
        SignedStatement[] memory statements = new SignedStatement[](7);
        for (uint256 i = 0; i < 5; ++i) {
            statements[i] = statement();
        }
        Voucher memory v = voucher(fineId, 10, 0);
        (statements[5], statements[6]) = (v.statements[0], v.statements[1]);
        (v.verdicts[0].statement, v.verdicts[1].statement) = (5, 6);
        BatchEntry[] memory entries = new BatchEntry[](2);
        entries[0] = BatchEntry(0, b, verdicts(4));
        entries[1] = BatchEntry(1, fine, v.verdicts);

        vm.expectEmit(address(escrow));
        emit IEscrow.Skipped(id, abi.encodeWithSelector(IEscrow.BadSignature.selector, address(odd)));
        assertEq(escrow.redeemBatch{gas: 1_500_000}(offers, statements, entries), 1);
        assertEq(payee.balance, 5 ether);
        assertEngagement(id, Status.Active, 0, UNITS, 0);
        assertEngagement(fineId, Status.Active, 10, UNITS, 0);
    }
}
