// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

interface IBalanceEvents {
    /// @notice A free balance rose: a deposit, or a push that its receiver refused.
    event Credited(address indexed account, address indexed token, uint256 amount, uint256 balance);
    /// @notice A free balance fell: a withdrawal, or a bond taken.
    event Debited(address indexed account, address indexed token, uint256 amount, uint256 balance);
}

/// @notice Free balances: money an account can take out at any time. Native coin is `address(0)`.
interface IBalances is IBalanceEvents {
    /// @notice Adds to `account`'s free balance, which awards, claims, assertions and disputes take bonds from.
    function deposit(address token, address account, uint256 amount) external payable;
    /// @notice Takes from the caller's free balance. Reverts when the transfer fails.
    function withdraw(address token, address to, uint256 amount) external;
    function balances(address account, address token) external view returns (uint256);
}
