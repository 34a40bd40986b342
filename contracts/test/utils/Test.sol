// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "./Vm.sol";

/// @notice What forge needs to run a test, and nothing else: cheatcodes, assertions, keys, invariant targets.
abstract contract Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    struct Key {
        address addr;
        uint256 secret;
    }

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address[] private _contracts;
    FuzzSelector[] private _selectors;

    function targetContract(address target) internal {
        _contracts.push(target);
    }

    function targetSelector(FuzzSelector memory target) internal {
        _selectors.push(target);
    }

    /// @dev Called by forge.
    function targetContracts() external view returns (address[] memory) {
        return _contracts;
    }

    /// @dev Called by forge.
    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    function makeKey(string memory name) internal returns (Key memory key) {
        key.secret = uint256(keccak256(bytes(name)));
        key.addr = vm.addr(key.secret);
        vm.label(key.addr, name);
    }

    function makeAddr(string memory name) internal returns (address) {
        return makeKey(name).addr;
    }

    /// @dev Inclusive on both sides; the ends are as likely as any other value.
    function bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        if (x >= low && x <= high) return x;
        uint256 size = high - low;
        if (size == type(uint256).max) return x;
        return low + x % (size + 1);
    }

    function assertEq(uint256 actual, uint256 expected) internal pure {
        vm.assertEq(actual, expected);
    }

    function assertEq(uint256 actual, uint256 expected, string memory why) internal pure {
        vm.assertEq(actual, expected, why);
    }

    function assertEq(address actual, address expected) internal pure {
        vm.assertEq(actual, expected);
    }

    function assertEq(bytes32 actual, bytes32 expected) internal pure {
        vm.assertEq(actual, expected);
    }

    function assertEq(bytes memory actual, bytes memory expected) internal pure {
        vm.assertEq(actual, expected);
    }

    function assertTrue(bool condition) internal pure {
        vm.assertTrue(condition);
    }

    function assertTrue(bool condition, string memory why) internal pure {
        vm.assertTrue(condition, why);
    }

    function assertFalse(bool condition) internal pure {
        vm.assertFalse(condition);
    }

    function assertLe(uint256 actual, uint256 limit, string memory why) internal pure {
        vm.assertLe(actual, limit, why);
    }
}
