// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Continued} from "./Continued.sol";
import {Deposits} from "./Deposits.sol";
import {Equivocation} from "./Equivocation.sol";
import {Exits} from "./Exits.sol";
import {Fees} from "./Fees.sol";
import {State} from "./State.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {IVerifierBond} from "./interfaces/IVerifierBond.sol";
import {Award, Bid, EngagementState, Record, Terms} from "./interfaces/Types.sol";
import {Hashing} from "./libraries/Hashing.sol";
import {Rules} from "./libraries/Rules.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice The second part of the escrow's code, run by `Escrow` as its own. Called at its own address it has no money and knows
/// no engagement.
contract Settlement is Deposits, Exits, Fees, Equivocation, Continued {
    constructor(IVerifierBond verifierBond_, address court_) State(verifierBond_) Continued(court_) {}

    /// @inheritdoc ISettlement
    function court() external view returns (address) {
        return NEXT;
    }

    /// @inheritdoc ISettlement
    function record(bytes32 id) external view returns (Record memory) {
        return _records[id];
    }

    /// @inheritdoc ISettlement
    function nextFeeEpoch(bytes32 id, address verifier) external view returns (uint256) {
        return _feeMarks[id][verifier].nextEpoch;
    }

    /// @inheritdoc ISettlement
    function bountyId(Terms calldata terms) external view returns (bytes32) {
        return Hashing.bountyId(terms);
    }

    /// @inheritdoc ISettlement
    function engagementId(Bid calldata bid) external pure returns (bytes32) {
        return Hashing.bid(bid);
    }

    /// @inheritdoc ISettlement
    function bidDigest(Bid calldata bid) external view returns (bytes32) {
        return _hashTypedDataV4(Hashing.bid(bid));
    }

    /// @inheritdoc ISettlement
    function awardDigest(Award calldata choice) external view returns (bytes32) {
        return _hashTypedDataV4(Hashing.award(choice));
    }

    /// @inheritdoc ISettlement
    function statementDigest(bytes32 root, uint64 attestedAt) external view returns (bytes32) {
        return _hashTypedDataV4(Hashing.statement(root, attestedAt));
    }

    /// @inheritdoc ISettlement
    function blockClaimDigest(bytes32 id, uint64 number, uint64 revision, bytes32 blockHash)
        external
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(Hashing.blockClaim(id, number, revision, blockHash));
    }

    /// @inheritdoc ISettlement
    function verdictLeaf(bytes32 id, uint64 epoch, uint64 units, uint64 faults, bytes32 evidence)
        external
        pure
        returns (bytes32)
    {
        return Hashing.verdictLeaf(id, epoch, units, faults, evidence);
    }

    /// @inheritdoc ISettlement
    function unitsCap(Terms calldata terms, bytes32 id, uint64 time) external view returns (uint256) {
        EngagementState memory e = _engagements[id];
        return Rules.unitsCap(terms, e, time);
    }

    /// @inheritdoc ISettlement
    function reserveFor(Terms calldata terms, uint256 verifiers, uint256 rate) external pure returns (uint256) {
        return Rules.reserve(terms, verifiers, rate);
    }

    /// @inheritdoc ISettlement
    function reclaimableAt(Terms calldata terms, bytes32 id) external view returns (uint256) {
        uint256 endsAt = _engagements[id].endsAt;
        return endsAt == 0 ? 0 : Math.max(Rules.reclaimableAt(terms, endsAt), _records[id].reclaimableFrom);
    }
}
