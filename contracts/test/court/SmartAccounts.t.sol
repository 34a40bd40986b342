// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SignedVerdict, Subject, Terms} from "../../src/interfaces/Types.sol";
import {Digests} from "../utils/Digests.sol";
import {Account1271, Refuser} from "../utils/Hostile.sol";
import {CourtBase} from "./CourtBase.sol";

/// @notice Contracts and delegated accounts in every part.
contract SmartAccountsTest is CourtBase {
    /// @dev EIP-7702: an account with a key whose code is another's.
    function delegate(address account) private {
        vm.etch(account, abi.encodePacked(hex"ef0100", address(new Account1271())));
    }

    function contested() private {
        warpTo(50);
        disputeUnits(10, 50);
        remember();
    }

    /// forge-config: default.evm_version = "prague"
    function test_DelegatedAccountsInEveryPart() public {
        delegate(poster.addr);
        delegate(runner.addr);
        delegate(payee);
        delegate(arbiter);
        for (uint256 i = 0; i < 3; ++i) {
            delegate(verifier[i].addr);
        }
        start(NATIVE);
        contested();
        rules(Subject.Units, 50);
        assertGained(runner.addr, 2 ether, "the bond");
        assertEq(payee.balance, 25 ether);
        warpTo(111);
        assertWith(runner.addr, 51, RATE);
        assertEq(escrow.assertion(id).units, 51);
    }

    /// forge-config: default.evm_version = "prague"
    function test_DelegatedAccountsGetTheirBondsBack() public {
        delegate(poster.addr);
        delegate(verifier[2].addr);
        start(NATIVE);
        contested();
        uint256 purse = poster.addr.balance;
        rules(Subject.Units, 20);
        // Pushed, not credited.
        assertEq(poster.addr.balance, purse + 2 ether);
        warpTo(100);
        assertWith(runner.addr, 40, contestBond(20, RATE, 0));
        disputeAssertion(verifier[2].addr, 20, 40);
        purse = verifier[2].addr.balance;
        rules(Subject.Assertion, 20);
        assertEq(verifier[2].addr.balance, purse + 1.5 ether);
    }

    /// forge-config: default.evm_version = "prague"
    function test_ADelegatedVerifiersCodeSpeaksForIt() public {
        delegate(verifier[0].addr);
        start(NATIVE);
        warpTo(50);
        SignedVerdict[] memory v = fresh(50, 0);
        approve(verifier[0].addr, 50, START + 50);
        v[0].signature = "";
        disputeWith(poster.addr, Subject.Units, 10, v, 2 ether);
        rules(Subject.Units, 10);
        assertEq(escrow.record(id).ejected, 3);
    }

    function approve(address account, uint64 units, uint256 attestedAt) private {
        Account1271(payable(account)).approve(digest(Digests.statement(leafOf(id, units, 0), uint64(attestedAt))));
    }

    function test_AContractAsPosterContests() public {
        // The code of a smart account where the poster's key was; it chose the runner with that key.
        vm.etch(poster.addr, type(Account1271).runtimeCode);
        start(NATIVE);
        contested();
        rules(Subject.Units, 10);
        assertGained(poster.addr, 2 ether, "the bond");
    }

    function test_AContractAsVerifierSignsIsEjectedAndContests() public {
        vm.etch(verifier[1].addr, type(Account1271).runtimeCode);
        start(NATIVE);
        warpTo(50);
        SignedVerdict[] memory v = fresh(50, 0);
        approve(verifier[1].addr, 50, START + 50);
        v[1].signature = "whatever it accepts";
        disputeWith(poster.addr, Subject.Units, 10, v, 2 ether);
        rules(Subject.Units, 20);
        assertEq(escrow.record(id).ejected, 3);
        warpTo(100);
        assertWith(runner.addr, 40, contestBond(20, RATE, 0));
        remember();
        disputeAssertion(verifier[1].addr, 20, 40);
        rules(Subject.Assertion, 39);
        assertGained(verifier[1].addr, 0.5 ether, "half of the runner's bond");
    }

    function test_AContractAsRunnerAssertsAndContests() public {
        vm.etch(runner.addr, type(Account1271).runtimeCode);
        start(NATIVE);
        warpTo(50);
        disputeFaults(0, 2);
        rules(Subject.Faults, 0);
        warpTo(100);
        remember();
        asserts(40);
        warpTo(120);
        settles(Subject.Assertion);
        assertGained(runner.addr, 0, "the bond came back");
        assertEq(payee.balance, 20 ether);
    }

    function test_AContractAsArbiterRules() public {
        arbiter = address(new Account1271());
        start(NATIVE);
        contested();
        rules(Subject.Units, 30);
        assertEq(payee.balance, 15 ether);
    }

    function test_AnArbiterThatCanOnlyFailIsWaitedFor() public {
        Refuser broken = new Refuser();
        arbiter = address(broken);
        start(NATIVE);
        contested();
        bytes memory call =
            abi.encodeWithSelector(escrow.rule.selector, offer, verifiers(), bid, Subject.Units, uint64(9));
        vm.expectRevert(abi.encodeWithSignature("Error(string)", "act failed"));
        broken.act(address(escrow), call);
        warpTo(110);
        settles(Subject.Units);
        assertEq(payee.balance, 25 ether);
        assertGained(runner.addr, 2 ether, "the poster's bond");
    }

    function test_WhoRefusesItsBondBlocksNoRuling() public {
        start(NATIVE);
        contested();
        vm.etch(poster.addr, type(Refuser).runtimeCode);
        rules(Subject.Units, 10);
        assertEq(escrow.balances(poster.addr, NATIVE), 2 ether);
        assertGained(poster.addr, 2 ether, "credited");
    }

    function test_WhoRefusesMoneyBlocksNoTimeOut() public {
        start(NATIVE);
        contested();
        vm.etch(runner.addr, type(Refuser).runtimeCode);
        vm.etch(payee, type(Refuser).runtimeCode);
        warpTo(110);
        settles(Subject.Units);
        assertEq(escrow.balances(runner.addr, NATIVE), 2 ether);
        assertEq(escrow.balances(payee, NATIVE), 25 ether);
    }

    function test_ThePosterMayBeTheArbiter() public {
        // Poster and arbiter: nothing is paid twice.
        arbiter = poster.addr;
        Terms memory t = courtTerms(NATIVE);
        start(t);
        contested();
        uint256 total = address(escrow).balance;
        rules(Subject.Units, 10);
        assertGained(poster.addr, 2 ether, "the bond");
        assertEq(address(escrow).balance, total - 2 ether - 5 ether);
    }
}
