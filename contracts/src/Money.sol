// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBalanceEvents} from "./interfaces/IBalances.sol";
import {IErrors} from "./interfaces/IErrors.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice How money comes in, goes out, and is kept in between. Native coin is `address(0)` throughout.
abstract contract Money is IBalanceEvents, IErrors, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant NATIVE = address(0);

    /// @dev Gas a push may burn. Enough for smart-account receivers and heavy tokens, and a bound on what a hostile one costs a batch.
    uint256 internal constant NATIVE_PUSH_GAS = 50_000;
    uint256 internal constant TOKEN_PUSH_GAS = 300_000;

    mapping(address account => mapping(address token => uint256)) internal _balances;

    /// @dev Takes exactly `amount` from the caller: native from the call's value, tokens by allowance.
    function _pull(address token, uint256 amount) internal {
        if (token == NATIVE) {
            require(msg.value == amount, WrongValue(amount, msg.value));
        } else {
            require(msg.value == 0, WrongValue(0, msg.value));
            _pullToken(token, msg.sender, amount);
        }
    }

    /// @dev The balance check refuses tokens that take a fee on transfer.
    function _pullToken(address token, address from, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        require(received == amount, TransferMismatch(amount, received));
    }

    /// @dev The call's value if there is any, else the free balance, and what that lacks from the allowance.
    function _takeBond(address token, address from, uint256 amount) internal {
        if (msg.value != 0) {
            uint256 expected = token == NATIVE ? amount : 0;
            require(msg.value == expected, WrongValue(expected, msg.value));
            return;
        }
        uint256 free = _balances[from][token];
        uint256 fromBalance = free < amount ? free : amount;
        require(fromBalance == amount || token != NATIVE, BalanceTooLow(free, amount));
        if (fromBalance != 0) _debit(from, token, fromBalance);
        if (fromBalance < amount) _pullToken(token, from, amount - fromBalance);
    }

    /// @dev Sends, or where that fails credits: no receiver can block what happens to anyone else.
    function _pay(address token, address to, uint256 amount) internal {
        if (amount == 0) return;
        uint256 pushGas = token == NATIVE ? NATIVE_PUSH_GAS : TOKEN_PUSH_GAS;
        // A submitter can't make a push fail by bringing too little gas: calls get at most 63/64 of what is left.
        uint256 needed = pushGas + pushGas / 32 + 12_000;
        require(gasleft() > needed, GasTooLow(needed, gasleft()));
        if (!_push(token, to, amount, pushGas)) _credit(to, token, amount);
    }

    /// @return ok false when the receiver or the token refused. Return data is never copied beyond one word.
    function _push(address token, address to, uint256 amount, uint256 pushGas) internal returns (bool ok) {
        if (token == NATIVE) {
            assembly ("memory-safe") {
                ok := call(pushGas, to, amount, 0, 0, 0, 0)
            }
        } else {
            bytes memory data = abi.encodeCall(IERC20.transfer, (to, amount));
            assembly ("memory-safe") {
                mstore(0, 0)
                ok := call(pushGas, token, 0, add(data, 0x20), mload(data), 0, 0x20)
                // Success: nothing returned by an account with code, or exactly true.
                ok := and(
                    ok,
                    or(
                        and(iszero(returndatasize()), gt(extcodesize(token), 0)),
                        and(gt(returndatasize(), 0x1f), eq(mload(0), 1))
                    )
                )
            }
        }
    }

    function _held(address token) internal view returns (uint256) {
        return token == NATIVE ? address(this).balance : IERC20(token).balanceOf(address(this));
    }

    function _credit(address account, address token, uint256 amount) internal {
        uint256 balance = _balances[account][token];
        // More than there can be of an honest token. Others' entries in the same call are worth more than a liar's accounting.
        if (amount > type(uint256).max - balance) amount = type(uint256).max - balance;
        unchecked {
            balance += amount;
        }
        _balances[account][token] = balance;
        emit Credited(account, token, amount, balance);
    }

    function _debit(address account, address token, uint256 amount) internal {
        uint256 balance = _balances[account][token];
        require(balance >= amount, BalanceTooLow(balance, amount));
        unchecked {
            balance -= amount;
        }
        _balances[account][token] = balance;
        emit Debited(account, token, amount, balance);
    }
}
