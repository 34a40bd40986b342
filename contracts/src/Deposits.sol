// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DepositAddress} from "./DepositAddress.sol";
import {State} from "./State.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Terms} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

/// @notice Money that was sent to a bounty's own address, by any means.
abstract contract Deposits is State, ISettlement {
    /// @dev The same for every bounty: the address depends on the escrow and the bounty id alone.
    bytes32 private immutable DEPOSIT_CODE_HASH = keccak256(type(DepositAddress).creationCode);

    /// @inheritdoc ISettlement
    function postFromDeposit(Terms calldata terms) external nonReentrant returns (bytes32 id) {
        // Without a poster there is nobody to return the money to: it stays where it is.
        require(terms.poster != address(0), InvalidTerms("poster"));
        id = Hashing.bountyId(terms);
        (DepositAddress from, uint256 amount) = _sweep(id, terms.token);

        if (_bounties[id].postedAt == 0) {
            if (block.timestamp >= terms.openUntil || Rules.firstInvalid(terms) != 0) {
                emit DepositReturned(id, terms.poster, terms.token, amount);
                _pay(terms.token, terms.poster, amount);
                return id;
            }
            _post(id, terms);
        }
        _fund(id, address(from), amount);
    }

    /// @inheritdoc ISettlement
    function returnDeposit(Terms calldata terms, address token) external nonReentrant {
        require(token != terms.token || msg.sender == terms.poster, NotPoster(terms.poster, msg.sender));
        require(terms.poster != address(0), InvalidTerms("poster"));
        bytes32 id = Hashing.bountyId(terms);
        if (token == NATIVE) {
            (, uint256 amount) = _sweep(id, token);
            emit DepositReturned(id, terms.poster, token, amount);
            _pay(token, terms.poster, amount);
        } else {
            // Straight to the poster: a token this contract refuses to account for can still leave.
            uint256 amount = _depositAddress(id).sweep(token, terms.poster);
            emit DepositReturned(id, terms.poster, token, amount);
        }
    }

    /// @inheritdoc ISettlement
    function depositAddress(bytes32 id) public view returns (address) {
        return Create2.computeAddress(id, DEPOSIT_CODE_HASH);
    }

    /// @dev Brings the deposit address's whole balance here; what arrives must be what was sent.
    function _sweep(bytes32 id, address token) private returns (DepositAddress from, uint256 amount) {
        from = _depositAddress(id);
        uint256 before = _held(token);
        _sweeping = true;
        amount = from.sweep(token, address(this));
        _sweeping = false;
        uint256 received = _held(token) - before;
        require(received == amount, TransferMismatch(amount, received));
        require(amount != 0, NothingDeposited(address(from)));
    }

    function _depositAddress(bytes32 id) private returns (DepositAddress) {
        address account = depositAddress(id);
        if (account.code.length == 0) new DepositAddress{salt: id}();
        return DepositAddress(payable(account));
    }
}
