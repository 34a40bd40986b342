// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalances} from "./IBalances.sol";
import {Verdict} from "./Types.sol";

/// @notice A verdict with the statement it was attested in.
struct AttestedFinding {
    Verdict verdict;
    uint64 attestedAt;
    bytes signature;
    bytes32[] proof;
}

/// @dev `amount` contains what is thawing.
struct Bond {
    uint128 amount;
    uint128 thawing;
    uint40 thawsAt; // means something while `thawing` is above 0
}

/// @title What verifiers put at risk
/// @notice A bond is money of one verifier in one token towards one escrow contract, and only that escrow's rulings, or two
/// conflicting verdicts signed for it, can take it. A slashed bond goes half to whoever proved the lie, half to nobody: if all of it
/// went to someone, that someone could be the liar. No owner.
interface IVerifierBond is IBalances {
    event Bonded(
        address indexed escrow,
        address indexed verifier,
        address indexed token,
        address from,
        uint256 amount,
        uint256 bond
    );
    event Thawing(
        address indexed escrow, address indexed verifier, address indexed token, uint256 thawing, uint256 thawsAt
    );
    event Unbonded(
        address indexed escrow, address indexed verifier, address indexed token, uint256 amount, uint256 bond
    );
    event Slashed(
        address indexed escrow,
        address indexed verifier,
        address indexed token,
        address reporter,
        uint256 amount,
        uint256 bond
    );

    /// @notice Adds to a verifier's bond. Anyone; changes no time.
    function bond(address escrow, address token, address verifier, uint256 amount) external payable;
    /// @notice Lets `amount` of the caller's bond thaw from now on, in place of what was thawing before; 0 stops. What thaws counts
    /// no longer for new engagements, but can be slashed until it is taken out.
    function thaw(address escrow, address token, uint256 amount) external;
    /// @notice Sends what has thawed to the caller.
    function unbond(address escrow, address token) external;
    /// @notice Takes up to `amount` of a verifier's bond towards the caller, an escrow.
    function slash(address token, address verifier, uint256 amount, address reporter) external;
    /// @notice Two differing verdicts by one verifier for one engagement and epoch: its whole bond in this token, half to the caller.
    function slashVerifier(
        address escrow,
        address token,
        address verifier,
        bytes32 engagement,
        AttestedFinding calldata a,
        AttestedFinding calldata b
    ) external;

    function bondOf(address escrow, address verifier, address token) external view returns (Bond memory);
    /// @notice The first of `members` whose bond, without what is thawing, is below `min`; 0 if none.
    function lacking(address escrow, address token, address[] calldata members, uint256 min)
        external
        view
        returns (address);
}
