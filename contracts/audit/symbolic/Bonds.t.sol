// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EngagementState, Terms} from "../../src/interfaces/Types.sol";
import {Flags} from "../../src/libraries/Flags.sol";
import {Rules} from "../../src/libraries/Rules.sol";
import {Symbolic} from "./Symbolic.sol";

/// @notice For every engagement: what is left of a bond, and what a word in a dispute costs.
contract BondsCheck is Symbolic {
    function check_BondLeftNeverRisesWithFaults(Terms calldata t, EngagementState memory e, uint32 more) external pure {
        vm.assume(e.faults <= more);
        uint256 left = Rules.bondLeft(t, e);
        e.faults = more;
        assert(Rules.bondLeft(t, e) <= left);
        assert(left <= t.bond);
    }

    function check_NothingIsLeftOnceSlashed(Terms calldata t, EngagementState memory e) external pure {
        e.flags |= Flags.SLASHED;
        assert(Rules.bondLeft(t, e) == 0);
    }

    /// @dev 56 bits of units or faults worth 128 bits each, which `_contestBond` can ask for.
    function check_ContestBondIsAtLeastThePrice(uint56 count, uint128 price, uint8 lost) external pure {
        assert(Rules.contestBond(count, price, lost) >= price);
    }

    function check_ContestBondIsAtLeastATenth(uint56 count, uint128 price, uint8 lost) external pure {
        assert(Rules.contestBond(count, price, lost) >= uint256(count) * price / 10);
    }

    function check_ContestBondNeverFallsWithLostDisputes(uint56 count, uint128 price, uint8 lost, uint8 more)
        external
        pure
    {
        vm.assume(lost <= more);
        assert(Rules.contestBond(count, price, lost) <= Rules.contestBond(count, price, more));
    }
}
