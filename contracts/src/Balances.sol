// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Money} from "./Money.sol";
import {IBalances} from "./interfaces/IBalances.sol";

/// @notice Free balances as their owners see them.
abstract contract Balances is Money, IBalances {
    /// @inheritdoc IBalances
    function deposit(address token, address account, uint256 amount) external payable nonReentrant {
        require(amount != 0, ZeroAmount());
        _pull(token, amount);
        _credit(account, token, amount);
    }

    /// @inheritdoc IBalances
    function withdraw(address token, address to, uint256 amount) external nonReentrant {
        require(amount != 0, ZeroAmount());
        _debit(msg.sender, token, amount);
        // All gas: nobody else waits for this transfer.
        require(_push(token, to, amount, gasleft()), PushFailed(to));
    }

    /// @inheritdoc IBalances
    function balances(address account, address token) external view returns (uint256) {
        return _balances[account][token];
    }
}
