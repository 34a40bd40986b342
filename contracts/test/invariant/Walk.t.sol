// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Checks} from "./Checks.sol";

/// @notice Random runs, of fixed seeds, get everywhere: counted by what happened, over all of them.
contract WalkTest is Checks {
    uint256 private seed;

    function word() private returns (uint256) {
        return seed = uint256(keccak256(abi.encode(seed)));
    }

    function few() private returns (uint8) {
        return uint8(word());
    }

    function coin() private returns (bool) {
        return word() % 2 == 0;
    }

    /// @dev Several lists, because one would be too deep a stack.
    function go() private {
        uint256 list = word() % 8;
        if (list == 0) _money(word() % 6);
        else if (list == 1) handler.wait(word());
        else if (list == 2) _vouchers(word() % 5);
        else if (list == 3) _exits(word() % 6);
        else if (list < 6) _court(word() % 7);
        else if (list == 6) _bonds(word() % 5);
        else handler.hire(word(), uint128(word()), uint128(word()), few());
    }

    function _money(uint256 verb) private {
        if (verb == 0) handler.fundBounty(word(), word(), coin());
        else if (verb == 1) handler.returnFromDeposit(word(), word(), coin());
        else if (verb == 2) handler.reclaimUnreserved(word());
        else if (verb == 3) handler.depositFree(word(), coin(), word());
        else if (verb == 4) handler.withdrawFree(word(), word());
        else handler.knock(word(), uint64(word()));
    }

    function _vouchers(uint256 verb) private {
        if (verb < 2) _redeem();
        else if (verb == 2) handler.redeemAll(uint64(word()), uint64(word()));
        else if (verb == 3) handler.claimFees(word(), word(), word(), word());
        else handler.claimAllFees(word(), coin());
    }

    function _redeem() private {
        uint64[2] memory units = [uint64(word()), uint64(word())];
        uint64[2] memory faults = [uint64(word()), uint64(word())];
        handler.redeemOne(word(), units, faults, [word(), word()]);
    }

    function _exits(uint256 verb) private {
        if (verb == 0) handler.extendBy(word(), uint64(word()));
        else if (verb == 1) handler.notice(word(), coin());
        else if (verb == 2 || verb == 3) handler.endIt(word(), coin());
        else if (verb == 4) handler.reclaimIt(word());
        else handler.convictNode(word(), uint64(word()), coin());
    }

    function _court(uint256 verb) private {
        if (verb == 0) handler.assertWork(word(), uint64(word()), coin());
        else if (verb == 1) handler.disputeUnits(word(), uint64(word()), word(), word(), word());
        else if (verb == 2) handler.disputeFaults(word(), uint64(word()), word(), word(), word());
        else if (verb == 3) handler.disputeAssertion(word(), word(), word(), word());
        else if (verb == 4) handler.decide(word(), word(), coin());
        else if (verb == 5) handler.settleIt(word(), word());
        else handler.knockFrozen(word());
    }

    function _bonds(uint256 verb) private {
        if (verb == 0) handler.addBond(word(), coin(), word());
        else if (verb == 1) handler.thawBond(word(), coin(), word());
        else if (verb == 2) handler.takeBond(word(), word());
        else if (verb == 3) handler.convictVerifier(word(), coin(), uint64(word()), word(), coin());
        else handler.withdrawSlashed(word(), word());
    }

    /// @dev All but a late deposit, a thaw that stops, taking a bond out, and an end by completion, which are rare: see Reaches.
    function names() private pure returns (string[45] memory) {
        return [
            "post",
            "fund",
            "deposit address",
            "return from deposit",
            "reclaim escrow",
            "deposit",
            "withdraw",
            "claim",
            "award",
            "spare award",
            "bond by value",
            "bond by allowance",
            "bond by balance",
            "bond by balance and allowance",
            "redeem",
            "redeem several",
            "redeem skips",
            "claim fee",
            "claim several fees",
            "claim skips",
            "extend",
            "runner's notice",
            "poster's notice",
            "end",
            "reclaim",
            "slash node",
            "assert units",
            "dispute units",
            "dispute faults",
            "dispute assertion",
            "assertion lapses",
            "rule on units",
            "rule on faults",
            "rule on an assertion",
            "ruling upholds",
            "ruling cuts",
            "settle units",
            "settle faults",
            "settle disputed assertion",
            "settle",
            "bond",
            "thaw",
            "slash verifier",
            "withdraw slashed",
            "knock"
        ];
    }

    function test_RandomRunsGetEverywhere() public {
        uint256[45] memory counts;
        string[45] memory all = names();
        for (uint256 run = 0; run < 20; ++run) {
            if (run != 0) setUp();
            handler.begin();
            seed = run;
            // As long as a run of the invariants.
            for (uint256 i = 0; i < 64; ++i) {
                go();
            }
            for (uint256 i = 0; i < all.length; ++i) {
                counts[i] += handler.happened(all[i]);
            }
        }
        string memory missing = "";
        for (uint256 i = 0; i < all.length; ++i) {
            if (counts[i] == 0) missing = string.concat(missing, all[i], ", ");
        }
        assertTrue(bytes(missing).length == 0, missing);
    }
}
