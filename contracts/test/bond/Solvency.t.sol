// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AttestedFinding} from "../../src/interfaces/IVerifierBond.sol";
import {Refuser} from "../utils/Hostile.sol";
import {BondBase} from "./BondBase.sol";

/// @notice Whatever happens in whatever order: the sum of bonds and free balances is what the contract holds, per token.
contract SolvencyTest is BondBase {
    address private refuser;
    uint256 private time;

    function setUp() public override {
        super.setUp();
        refuser = address(new Refuser());
    }

    function testFuzz_HoldsExactlyWhatItOwes(uint256[48] memory words) public {
        time = 0;
        for (uint256 i = 0; i < words.length; ++i) {
            act(words[i] % 8, words[i] >> 8);
            for (uint256 j = 0; j < 2; ++j) {
                address token = tokenOf(j == 1);
                assertEq(owed(token), held(token, address(verifierBond)));
            }
        }
    }

    /// @dev Acts are chosen so that most of them succeed; one that is refused changes nothing, which is checked as well.
    function act(uint256 what, uint256 word) private {
        address to = word & 1 == 0 ? address(escrow) : other;
        address token = tokenOf(word & 2 != 0);
        address who = word & 4 == 0 ? verifier[0].addr : refuser;
        uint256 amount = (word >> 8) % 1000;
        if (what < 2) bond(to, token, who, amount + 1);
        else if (what == 2) thawSome(to, token, who, amount);
        else if (what == 3) warpTo(time += THAW / 3);
        else if (what == 4) tryUnbond(to, token, who);
        else if (what == 5) slashAs(to, token, who, amount);
        else if (what == 6) convict(token, (word >> 8) % 16);
        else withdrawAll(token, who);
    }

    function thawSome(address to, address token, address who, uint256 amount) private {
        uint256 bonded = verifierBond.bondOf(to, who, token).amount;
        vm.prank(who);
        verifierBond.thaw(to, token, amount < bonded ? amount : bonded);
    }

    function tryUnbond(address to, address token, address who) private {
        vm.prank(who);
        try verifierBond.unbond(to, token) {} catch {}
    }

    function slashAs(address to, address token, address who, uint256 amount) private {
        vm.prank(to);
        verifierBond.slash(token, who, amount, reporter);
    }

    /// @dev Seldom, else there would never be much to lose.
    function convict(address token, uint256 luck) private {
        if (luck != 0 || bondOf(token, verifier[0].addr).amount == 0) return;
        (AttestedFinding memory a, AttestedFinding memory b) = conflict(verifier[0]);
        slashVerifier(token, verifier[0].addr, a, b);
    }

    function withdrawAll(address token, address who) private {
        uint256 free = balanceOf(token, who);
        if (free == 0) return;
        vm.prank(who);
        verifierBond.withdraw(token, payee, free);
    }

    function owed(address token) private view returns (uint256 sum) {
        address[2] memory whos = [verifier[0].addr, refuser];
        for (uint256 i = 0; i < 2; ++i) {
            sum += verifierBond.bondOf(address(escrow), whos[i], token).amount;
            sum += verifierBond.bondOf(other, whos[i], token).amount;
            sum += balanceOf(token, whos[i]);
        }
        sum += balanceOf(token, reporter) + balanceOf(token, NOBODY);
    }
}
