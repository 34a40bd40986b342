// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev What makes an engagement other than plain: bits of `EngagementState.flags`.
library Flags {
    uint8 internal constant UNITS_DISPUTED = 1;
    uint8 internal constant FAULTS_DISPUTED = 2;
    uint8 internal constant ASSERTED = 4;
    /// @dev While one of these is set nothing is reclaimed.
    uint8 internal constant OPEN = UNITS_DISPUTED | FAULTS_DISPUTED | ASSERTED;
    /// @dev A voucher was disputed before: the record says who was ejected, and when windows began anew.
    uint8 internal constant CONTESTED = 8;
    /// @dev The bond went for equivocation.
    uint8 internal constant SLASHED = 16;
}
