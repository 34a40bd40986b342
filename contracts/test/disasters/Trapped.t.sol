// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bid, SignedVerdict, Status, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Base} from "../utils/Base.sol";
import {MoodyToken, Refuser} from "../utils/Hostile.sol";

/// @notice Somebody who says nothing, refuses, or can't be reached, and whose money that held up elsewhere.
contract TrappedTest is Base {
    uint128 private constant MIN = 3 ether;

    /// @dev A token's denylist stopped whole distributions, the other receivers' parts included.
    function test_ADenylistedPayeeTrappedEverybodysMoney() public {
        MoodyToken token = new MoodyToken();
        Terms memory t = nativeTerms();
        t.token = address(token);
        Bid memory b = bidFor(t, 0);
        b.relayFee = 1 ether;
        address[2] memory from = [poster.addr, runner.addr];
        for (uint256 i = 0; i < 2; ++i) {
            token.mint(from[i], RESERVE);
            vm.prank(from[i]);
            token.approve(address(escrow), RESERVE);
        }
        vm.prank(poster.addr);
        escrow.post(t, RESERVE);
        bytes32 id = award(t, b);
        warpTo(RECLAIM);
        token.deny(payee);
        redeem(t, b, voucher(id, 40, 1));
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        assertEq(token.balanceOf(relayer), 1 ether);
        assertEq(token.balanceOf(poster.addr), RESERVE - 20 ether + PENALTY);
        assertEq(token.balanceOf(runner.addr), RESERVE - PENALTY);
        assertEq(escrow.balances(payee, address(token)), 19 ether);
        assertEq(token.balanceOf(address(escrow)), 19 ether);
    }

    function test_ARevertingPayeeTrappedEverybodysMoney() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        b.payee = address(new Refuser());
        bytes32 id = engage(t, b);
        warpTo(RECLAIM);
        redeem(t, b, voucher(id, 40, 1));
        escrow.end(t, verifiers(), b);
        escrow.reclaim(t, verifiers(), b);
        assertEq(poster.addr.balance, RESERVE - 20 ether + PENALTY);
        assertEq(runner.addr.balance, BOND - PENALTY);
        assertEq(escrow.balances(b.payee, address(0)), 20 ether);
    }

    /// @dev The evaluator said nothing until the job expired, and the client had its money back and the work.
    function test_TheEvaluatorsSilenceRefundedDeliveredWork_ERC8183() public {
        Terms memory t = nativeTerms();
        Bid memory b = bidFor(t, 0);
        bytes32 id = engage(t, b);
        // The hundredth second has been silent for sixty.
        warpTo(160);
        uint256 bond = escrow.assertionBond(t, b, UNITS);
        assertEq(bond, RESERVE / 10);
        vm.deal(runner.addr, bond);
        vm.prank(runner.addr);
        escrow.assertUnits{value: bond}(t, verifiers(), b, UNITS);
        warpTo(160 + CHALLENGE);
        escrow.settle(t, verifiers(), b, Subject.Assertion);
        assertEq(payee.balance, RESERVE);
        assertEq(runner.addr.balance, bond);
        assertEngagement(id, Status.Active, UNITS, UNITS, 0);
    }

    function arbitrated(uint256 nonce, address arbiter) private returns (Terms memory t, Bid memory b, bytes32 id) {
        t = nativeTerms();
        (t.arbiter, t.salt) = (arbiter, nonce);
        if (arbiter == stranger) t.verifierBondMin = MIN;
        b = bidFor(t, nonce);
        id = engage(t, b);
    }

    /// @dev By the poster, above ten of forty units.
    function disputeUnits(Terms memory t, Bid memory b, bytes32 id) private returns (uint256 bond) {
        SignedVerdict[] memory v = voucher(id, 40, 0, START + 40);
        bond = escrow.disputeBond(t, b, Subject.Units, poster.addr, 30);
        vm.deal(poster.addr, bond);
        vm.prank(poster.addr);
        escrow.dispute{value: bond}(t, verifiers(), b, Subject.Units, 10, v);
    }

    /// @dev The arbiter's contract was called, and reverted, whenever anybody tried to go on.
    function test_AnArbiterThatRevertsFrozeWhatItShouldDecide() public {
        (Terms memory t, Bid memory b, bytes32 id) = arbitrated(0, address(new Refuser()));
        warpTo(45);
        uint256 bond = disputeUnits(t, b, id);
        warpTo(45 + 60);
        escrow.settle(t, verifiers(), b, Subject.Units);
        assertEq(payee.balance, 20 ether);
        // Whoever contested what nobody cut has lost the bond to the other side.
        assertEq(runner.addr.balance, bond);
    }

    /// @dev A second slash asked for more than the first had left, and the decision could not be carried out.
    function test_ASlashLargerThanTheBondBlockedTheDecision() public {
        for (uint256 i = 0; i < 3; ++i) {
            uint256 amount = i == 0 ? MIN + 1 ether : MIN;
            vm.deal(address(this), amount);
            verifierBond.bond{value: amount}(address(escrow), address(0), verifier[i].addr, amount);
        }
        Terms[2] memory t;
        Bid[2] memory b;
        bytes32[2] memory id;
        for (uint256 i = 0; i < 2; ++i) {
            (t[i], b[i], id[i]) = arbitrated(i, stranger);
        }
        warpTo(45);
        for (uint256 i = 0; i < 2; ++i) {
            disputeUnits(t[i], b[i], id[i]);
            vm.prank(stranger);
            escrow.rule(t[i], verifiers(), b[i], Subject.Units, 10);
            assertEngagement(id[i], Status.Active, 10, UNITS, 0);
        }
        assertEq(payee.balance, 10 ether);
        // All there was of the two who signed, half to the disputer; the third signed nothing.
        assertEq(verifierBond.balances(poster.addr, address(0)), (2 * uint256(MIN) + 1 ether) / 2);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 left = verifierBond.bondOf(address(escrow), verifier[i].addr, address(0)).amount;
            assertEq(left, i == 2 ? MIN : 0);
        }
    }
}
