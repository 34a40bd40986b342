// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Balances} from "./Balances.sol";
import {AttestedFinding, Bond, IVerifierBond} from "./interfaces/IVerifierBond.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice See `IVerifierBond`.
contract VerifierBond is Balances, IVerifierBond {
    using SafeCast for uint256;

    /// @dev Who has the balance of what is destroyed: nobody holds this address's key, and a contract can't be there.
    address private constant NOBODY = address(0xdead);

    mapping(address escrow => mapping(address verifier => mapping(address token => Bond))) private _bonds;

    /// @inheritdoc IVerifierBond
    function bond(address escrow, address token, address verifier, uint256 amount) external payable nonReentrant {
        require(amount != 0, ZeroAmount());
        _pull(token, amount);
        Bond storage b = _bonds[escrow][verifier][token];
        b.amount = (b.amount + amount).toUint128();
        emit Bonded(escrow, verifier, token, msg.sender, amount, b.amount);
    }

    /// @inheritdoc IVerifierBond
    function thaw(address escrow, address token, uint256 amount) external nonReentrant {
        Bond storage b = _bonds[escrow][msg.sender][token];
        require(amount <= b.amount, BalanceTooLow(b.amount, amount));
        // At most `amount`, a uint128.
        b.thawing = uint128(amount);
        b.thawsAt = amount == 0 ? 0 : uint40(block.timestamp + Rules.THAW_SECONDS);
        emit Thawing(escrow, msg.sender, token, amount, b.thawsAt);
    }

    /// @inheritdoc IVerifierBond
    function unbond(address escrow, address token) external nonReentrant {
        Bond storage b = _bonds[escrow][msg.sender][token];
        uint128 amount = b.thawing;
        require(amount != 0, ZeroAmount());
        require(block.timestamp >= b.thawsAt, NotEnded(b.thawsAt, block.timestamp));
        b.amount -= amount;
        (b.thawing, b.thawsAt) = (0, 0);
        emit Unbonded(escrow, msg.sender, token, amount, b.amount);
        _pay(token, msg.sender, amount);
    }

    /// @inheritdoc IVerifierBond
    function slash(address token, address verifier, uint256 amount, address reporter) external nonReentrant {
        _slash(msg.sender, token, verifier, amount, reporter);
    }

    /// @inheritdoc IVerifierBond
    function slashVerifier(
        address escrow,
        address token,
        address verifier,
        bytes32 engagement,
        AttestedFinding calldata a,
        AttestedFinding calldata b
    ) external nonReentrant {
        bytes32 first = _requireAttested(escrow, verifier, engagement, a);
        bytes32 second = _requireAttested(escrow, verifier, engagement, b);
        require(a.verdict.epoch == b.verdict.epoch && first != second, NotEquivocated());
        uint256 amount = _bonds[escrow][verifier][token].amount;
        require(amount != 0, NothingBonded(verifier));
        _slash(escrow, token, verifier, amount, msg.sender);
    }

    /// @inheritdoc IVerifierBond
    function bondOf(address escrow, address verifier, address token) external view returns (Bond memory) {
        return _bonds[escrow][verifier][token];
    }

    /// @inheritdoc IVerifierBond
    function lacking(address escrow, address token, address[] calldata members, uint256 min)
        external
        view
        returns (address)
    {
        for (uint256 i = 0; i < members.length; ++i) {
            Bond storage b = _bonds[escrow][members[i]][token];
            if (b.amount - b.thawing < min) return members[i];
        }
        return address(0);
    }

    /// @dev Never more than there is, and nothing is sent: a ruling must not depend on who receives this.
    function _slash(address escrow, address token, address verifier, uint256 amount, address reporter) private {
        Bond storage b = _bonds[escrow][verifier][token];
        amount = Math.min(amount, b.amount);
        if (amount == 0) return;
        // At most `b.amount`, a uint128.
        b.amount -= uint128(amount);
        if (b.thawing > b.amount) b.thawing = b.amount;
        emit Slashed(escrow, verifier, token, reporter, amount, b.amount);
        _credit(reporter, token, amount / 2);
        _credit(NOBODY, token, amount - amount / 2);
    }

    /// @return leaf of the verdict, which the verifier signed for that escrow
    function _requireAttested(address escrow, address verifier, bytes32 engagement, AttestedFinding calldata f)
        private
        view
        returns (bytes32 leaf)
    {
        leaf = Hashing.verdictLeaf(engagement, f.verdict.epoch, f.verdict.units, f.verdict.faults, f.verdict.evidence);
        bytes32 statement = Hashing.statement(Hashing.rootFrom(leaf, f.proof), f.attestedAt);
        bytes32 digest = MessageHashUtils.toTypedDataHash(Hashing.domainOf(escrow), statement);
        require(Signatures.isValid(verifier, digest, f.signature), NotAttested(verifier));
    }
}
