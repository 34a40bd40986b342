// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Balances} from "./Balances.sol";
import {DepositAddress} from "./DepositAddress.sol";
import {BountyState, IEscrow, Terms} from "./interfaces/IEscrow.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Posting, funding, deposit addresses and unreserved escrow.
abstract contract Bounties is Balances {
    using SafeCast for uint256;

    mapping(bytes32 bounty => BountyState) internal _bounties;

    /// @dev The same for every bounty: the address depends on the escrow and the bounty id alone.
    bytes32 private immutable DEPOSIT_CODE_HASH = keccak256(type(DepositAddress).creationCode);

    /// @inheritdoc IEscrow
    function post(Terms calldata terms, uint256 amount) external payable nonReentrant returns (bytes32 id) {
        require(msg.sender == terms.poster, NotPoster(terms.poster, msg.sender));
        bytes32 field = Rules.firstInvalid(terms);
        require(field == 0, InvalidTerms(field));
        require(block.timestamp < terms.openUntil, Closed(terms.openUntil, block.timestamp));
        id = Hashing.bountyId(terms);
        require(_bounties[id].postedAt == 0, AlreadyPosted(id));

        _pull(terms.token, amount);
        _post(id, terms);
        _fund(id, msg.sender, amount);
    }

    /// @inheritdoc IEscrow
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

    /// @inheritdoc IEscrow
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

    /// @inheritdoc IEscrow
    function fund(Terms calldata terms, uint256 amount) external payable nonReentrant {
        require(amount != 0, ZeroAmount());
        bytes32 id = Hashing.bountyId(terms);
        _requirePosted(id);
        _pull(terms.token, amount);
        _fund(id, msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function reclaimEscrow(Terms calldata terms) external nonReentrant {
        bytes32 id = Hashing.bountyId(terms);
        _requirePosted(id);
        require(msg.sender == terms.poster || block.timestamp >= terms.openUntil, NotPoster(terms.poster, msg.sender));
        uint256 amount = _bounties[id].escrow;
        require(amount != 0, ZeroAmount());

        _bounties[id].escrow = 0;
        emit EscrowReclaimed(id, terms.poster, amount);
        _pay(terms.token, terms.poster, amount);
    }

    /// @inheritdoc IEscrow
    function bounty(bytes32 id) external view returns (BountyState memory) {
        return _bounties[id];
    }

    /// @inheritdoc IEscrow
    function bountyId(Terms calldata terms) external view returns (bytes32) {
        return Hashing.bountyId(terms);
    }

    /// @inheritdoc IEscrow
    function depositAddress(bytes32 id) public view returns (address) {
        return Create2.computeAddress(id, DEPOSIT_CODE_HASH);
    }

    function _requirePosted(bytes32 id) internal view {
        require(_bounties[id].postedAt != 0, NotPosted(id));
    }

    function _post(bytes32 id, Terms calldata terms) private {
        _bounties[id].postedAt = uint64(block.timestamp);
        emit Posted(id, terms.poster, terms);
    }

    function _fund(bytes32 id, address from, uint256 amount) private {
        uint128 escrow = (_bounties[id].escrow + amount).toUint128();
        _bounties[id].escrow = escrow;
        emit Funded(id, from, amount, escrow);
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
