// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IErrors} from "./interfaces/IErrors.sol";

/// @notice A contract whose remaining functions are code at another address, fixed for ever and run as its own.
/// @dev A chain takes 24,576 bytes of code at once and the escrow's rules need more (docs/adr/0005).
abstract contract Continued is IErrors {
    address internal immutable NEXT;

    constructor(address next) {
        require(next.code.length != 0, NoCode(next));
        NEXT = next;
    }

    fallback() external payable {
        address next = NEXT;
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, 0, calldatasize())
            let ok := delegatecall(gas(), next, start, calldatasize(), 0, 0)
            returndatacopy(start, 0, returndatasize())
            switch ok
            case 0 { revert(start, returndatasize()) }
            default { return(start, returndatasize()) }
        }
    }
}
