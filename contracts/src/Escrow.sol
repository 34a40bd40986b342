// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Balances} from "./Balances.sol";
import {Bounties} from "./Bounties.sol";
import {Continued} from "./Continued.sol";
import {Engagements} from "./Engagements.sol";
import {Redemption} from "./Redemption.sol";
import {State} from "./State.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IVerifierBond} from "./interfaces/IVerifierBond.sol";
import {BountyState, EngagementState} from "./interfaces/Types.sol";

/// @notice The account that holds the money, and the first part of its code: what happens often. Its second part is `Settlement`,
/// its third `Court`.
contract Escrow is Balances, Bounties, Engagements, Redemption, Continued {
    constructor(IVerifierBond verifierBond_, address settlement_) State(verifierBond_) Continued(settlement_) {}

    /// @inheritdoc IMarket
    function bounty(bytes32 id) external view returns (BountyState memory) {
        return _bounties[id];
    }

    /// @inheritdoc IMarket
    function engagement(bytes32 id) external view returns (EngagementState memory) {
        return _engagements[id];
    }

    /// @inheritdoc IMarket
    function settlement() external view returns (address) {
        return NEXT;
    }

    /// @inheritdoc IMarket
    function verifierBond() external view returns (address) {
        return address(VERIFIER_BOND);
    }
}
