// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Refuses native coin, until told otherwise.
contract Refuser {
    bool public open;

    function setOpen(bool to) external {
        open = to;
    }

    function act(address target, bytes calldata data) external {
        (bool ok,) = target.call(data);
        require(ok, "act failed");
    }

    receive() external payable {
        require(open, "no");
    }
}

contract GasBurner {
    receive() external payable {
        while (true) {}
    }
}

/// @notice Accepts native coin, with more gas than a push brings.
contract Hungry {
    uint256[] private eaten;

    receive() external payable {
        for (uint256 i = 0; i < 5; ++i) {
            eaten.push(msg.value);
        }
    }
}

/// @notice Answers with as much data as a push's gas allows.
contract DataBomb {
    receive() external payable {
        assembly {
            return(0, 20000)
        }
    }
}

/// @notice Calls back with whatever it was loaded with, and remembers how that went.
contract Reenterer {
    address public target;
    bytes public data;
    bool public entered;
    bytes4 public refusal;

    function load(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    receive() external payable {
        (bool ok, bytes memory answer) = target.call(data);
        if (ok) entered = true;
        else refusal = bytes4(answer);
    }
}

/// @notice A smart account: accepts what its owner's key said, by a mapping instead of a signature.
contract Account1271 {
    mapping(bytes32 => bool) public approved;

    function approve(bytes32 digest) external {
        approved[digest] = true;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return approved[digest] ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    receive() external payable {}
}

/// @notice An ERC-1271 account that answers in a way of its own, after spending some gas.
contract OddAccount1271 {
    enum Way {
        Says,
        SaysNothing,
        SaysALot,
        RevertsWithYes,
        RevertsWithALot,
        BurnsGas
    }

    Way public way;
    uint256 public spend;

    function set(Way way_, uint256 spend_) external {
        (way, spend) = (way_, spend_);
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        Way how = way;
        uint256 least = spend;
        while (start - gasleft() < least) {}
        while (how == Way.BurnsGas) {}
        if (how == Way.Says) return this.isValidSignature.selector;
        bytes32 yes = this.isValidSignature.selector;
        assembly {
            let at := mload(0x40)
            mstore(at, yes)
            switch how
            case 1 { return(at, 0) }
            case 2 { return(at, 200000) }
            case 3 { revert(at, 0x20) }
            default { revert(at, 200000) }
        }
    }
}

/// @notice A token whose mood decides what `transfer` and `transferFrom` do.
contract MoodyToken is ERC20("Moody", "MOODY") {
    enum Mood {
        Honest,
        TakesFee,
        ReturnsFalse,
        ReturnsNothing,
        Reverts,
        Denylists,
        BurnsGas,
        ReturnsBomb,
        Reenters,
        Eats
    }

    uint256[] private _eaten;
    Mood public mood;
    address public denied;
    address public target;
    bytes public data;
    bytes4 public refusal;

    function setMood(Mood to) external {
        mood = to;
    }

    function deny(address account) external {
        mood = Mood.Denylists;
        denied = account;
    }

    function reenter(address target_, bytes calldata data_) external {
        mood = Mood.Reenters;
        (target, data) = (target_, data_);
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _act(msg.sender, to, amount);
        return _answer();
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _spendAllowance(from, msg.sender, amount);
        _act(from, to, amount);
        return _answer();
    }

    function _act(address from, address to, uint256 amount) private {
        if (mood == Mood.ReturnsFalse || mood == Mood.ReturnsBomb) return;
        require(mood != Mood.Reverts, "moody");
        require(mood != Mood.Denylists || to != denied, "denied");
        while (mood == Mood.BurnsGas) {}
        if (mood == Mood.Eats) {
            // More gas than a push brings.
            for (uint256 i = 0; i < 20; ++i) {
                _eaten.push(amount);
            }
        }
        if (mood == Mood.Reenters) {
            (bool ok, bytes memory answer) = target.call(data);
            require(!ok, "entered");
            refusal = bytes4(answer);
        }
        _transfer(from, to, amount);
        if (mood == Mood.TakesFee) _burn(to, amount / 100 + 1);
    }

    function _answer() private view returns (bool) {
        if (mood == Mood.ReturnsNothing) {
            assembly {
                return(0, 0)
            }
        }
        if (mood == Mood.ReturnsBomb) {
            // Too long to copy, and its first word isn't true.
            assembly {
                return(0x80, 200000)
            }
        }
        return mood != Mood.ReturnsFalse;
    }
}
