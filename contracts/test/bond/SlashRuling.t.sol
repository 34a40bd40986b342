// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "../../src/interfaces/IErrors.sol";
import {IVerifierBond} from "../../src/interfaces/IVerifierBond.sol";
import {Bid, SignedVerdict, Subject, Terms} from "../../src/interfaces/Types.sol";
import {BondBase} from "./BondBase.sol";

/// @notice The way from a ruling to the bond: the escrow speaks for itself, in the token of the terms, about signers it ejected.
contract SlashRulingTest is BondBase {
    uint128 private constant LEAST = 11;

    function bondAll(Terms memory t, uint256 amount) private {
        for (uint256 i = 0; i < 3; ++i) {
            bond(address(escrow), t.token, verifier[i].addr, amount);
        }
    }

    function agree(bool inUsd) private returns (Terms memory t, Bid memory b) {
        t = inUsd ? usdTerms() : nativeTerms();
        (t.arbiter, t.verifierBondMin) = (stranger, LEAST);
        b = bidFor(t, 0);
        post(t, RESERVE);
        deposit(t.token, runner.addr, BOND);
    }

    /// @dev The poster contests 40 units that verifiers 0 and 1 attested.
    function contest(Terms memory t, Bid memory b) private {
        warpTo(50);
        SignedVerdict[] memory verdicts = voucher(escrow.engagementId(b), 40, 0, START + 45);
        deposit(t.token, poster.addr, escrow.disputeBond(t, b, Subject.Units, poster.addr, 40));
        vm.prank(poster.addr);
        escrow.dispute(t, verifiers(), b, Subject.Units, 0, verdicts);
    }

    function rule(Terms memory t, Bid memory b, uint64 outcome) private {
        vm.prank(stranger);
        escrow.rule(t, verifiers(), b, Subject.Units, outcome);
    }

    function test_CostsEachContestedSignerTheMinimumOfTheTerms() public {
        for (uint256 i = 0; i < 2; ++i) {
            warpTo(0);
            (Terms memory t, Bid memory b) = agree(i == 1);
            bondAll(t, 15);
            award(t, b);
            contest(t, b);
            for (uint256 j = 0; j < 2; ++j) {
                vm.expectEmit(address(verifierBond));
                emit IVerifierBond.Slashed(address(escrow), verifier[j].addr, t.token, poster.addr, LEAST, 4);
            }
            rule(t, b, 39);
            assertBond(t.token, verifier[0].addr, 4, 0, 0);
            assertBond(t.token, verifier[1].addr, 4, 0, 0);
            assertBond(t.token, verifier[2].addr, 15, 0, 0);
            assertEq(balanceOf(t.token, poster.addr), 10);
            assertEq(balanceOf(t.token, NOBODY), 12);
        }
    }

    function test_CostsNothingWhenTheVerdictsStand() public {
        (Terms memory t, Bid memory b) = agree(false);
        bondAll(t, 15);
        award(t, b);
        contest(t, b);
        rule(t, b, 40);
        assertBond(t.token, verifier[0].addr, 15, 0, 0);
        assertBond(t.token, verifier[1].addr, 15, 0, 0);
    }

    /// @dev Taken by an equivocation before, in part: the ruling is carried out all the same.
    function test_TakesWhatIsLeft() public {
        (Terms memory t, Bid memory b) = agree(false);
        bondAll(t, 15);
        award(t, b);
        contest(t, b);
        slash(t.token, verifier[0].addr, 15);
        slash(t.token, verifier[1].addr, 10);
        vm.expectEmit(address(verifierBond));
        emit IVerifierBond.Slashed(address(escrow), verifier[1].addr, t.token, poster.addr, 5, 0);
        rule(t, b, 0);
        assertBond(t.token, verifier[0].addr, 0, 0, 0);
        assertBond(t.token, verifier[1].addr, 0, 0, 0);
    }

    function test_ReachesWhatASignerLetThawMeanwhile() public {
        (Terms memory t, Bid memory b) = agree(false);
        bondAll(t, 15);
        award(t, b);
        thaw(t.token, verifier[0].addr, 15);
        contest(t, b);
        rule(t, b, 0);
        assertBond(t.token, verifier[0].addr, 4, 4, START + THAW);
    }

    function test_RevertWhen_AMemberLetsItsBondThawBeforeTheAward() public {
        (Terms memory t, Bid memory b) = agree(false);
        bondAll(t, LEAST);
        thaw(t.token, verifier[1].addr, 1);
        vm.expectRevert(abi.encodeWithSelector(IErrors.VerifierBondTooLow.selector, LEAST, verifier[1].addr));
        award(t, b);
        thaw(t.token, verifier[1].addr, 0);
        award(t, b);
    }
}
