// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice One answer to "did `signer` sign `digest`?" for EOA, EIP-7702 and ERC-1271 accounts.
/// @dev The key is asked first, which saves a cold account access per EOA. For a delegated EOA that is as strong as asking
/// its code, because the key can replace the code at any time. High-s signatures are refused.
library Signatures {
    uint256 private constant ERC1271_GAS = 200_000;

    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        address recovered;
        ECDSA.RecoverError err = ECDSA.RecoverError.InvalidSignatureLength;
        if (signature.length == 64) {
            bytes32 r;
            bytes32 vs;
            assembly ("memory-safe") {
                r := calldataload(signature.offset)
                vs := calldataload(add(signature.offset, 0x20))
            }
            (recovered, err,) = ECDSA.tryRecover(digest, r, vs);
        } else if (signature.length == 65) {
            (recovered, err,) = ECDSA.tryRecoverCalldata(digest, signature);
        }
        if (err == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return signer.code.length != 0 && _asksContract(signer, digest, signature);
    }

    /// @dev ERC-1271 with bounded gas and return data, so that one signer can't use up a batch.
    function _asksContract(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        bytes memory data = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bool ok;
        bytes32 answer;
        assembly ("memory-safe") {
            mstore(0, 0)
            ok := staticcall(ERC1271_GAS, signer, add(data, 0x20), mload(data), 0, 0x20)
            answer := mload(0)
            ok := and(ok, gt(returndatasize(), 0x1f))
        }
        return ok && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
