// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title Where one bounty's money arrives
/// @notice Created by the escrow with CREATE2 and the bounty id as salt, so its address is known before anything is posted
/// and money can be sent there by any means. Only the escrow that created it can move what arrives.
contract DepositAddress {
    address private immutable ESCROW = msg.sender;

    error NotEscrow(address expected, address actual);
    error SweepFailed(address to);

    // Empty on purpose: plain transfers with the 2,300 gas stipend must arrive.
    receive() external payable {}

    /// @notice Sends the whole balance of `token` (0 = native coin) to `to` and says how much that was.
    function sweep(address token, address to) external returns (uint256 amount) {
        require(msg.sender == ESCROW, NotEscrow(ESCROW, msg.sender));
        if (token == address(0)) {
            amount = address(this).balance;
            (bool ok,) = to.call{value: amount}("");
            require(ok, SweepFailed(to));
        } else {
            amount = IERC20(token).balanceOf(address(this));
            SafeERC20.safeTransfer(IERC20(token), to, amount);
        }
    }
}
