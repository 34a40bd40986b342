//! Merkle trees as OpenZeppelin's `MerkleProof` checks them: pairs are hashed in sorted order.
//!
//! A tree is a queue: the two nodes in front become one at the back, until one is left. That is the shape of OpenZeppelin's
//! `merkle-tree` package, and the one in which any leaves, taken in their order, have a multiproof.

use std::collections::HashMap;

use alloy_primitives::{B256, keccak256};

/// All nodes of a tree: leaves first, the root last.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<B256>,
    leaves: usize,
}

/// What `MerkleProof.processMultiProof` takes besides the leaves: `flags` says at each step whether the second node comes from
/// the queue or from `proof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiProof {
    pub proof: Vec<B256>,
    pub flags: Vec<bool>,
}

impl Tree {
    /// `None` without leaves: there is nothing to sign then.
    pub fn new(leaves: Vec<B256>) -> Option<Self> {
        let count = leaves.len();
        let mut nodes = leaves;
        for front in (0..count.checked_sub(1)?).map(|step| 2 * step) {
            nodes.push(parent(nodes[front], nodes[front + 1]));
        }
        Some(Self { nodes, leaves: count })
    }

    pub fn root(&self) -> B256 {
        self.nodes[self.nodes.len() - 1]
    }

    /// The siblings from leaf `index` up to the root.
    pub fn proof(&self, index: usize) -> Vec<B256> {
        let mut node = index;
        let mut proof = Vec::new();
        while node + 1 < self.nodes.len() {
            proof.push(self.nodes[node ^ 1]);
            node = self.leaves + node / 2;
        }
        proof
    }
}

/// One proof for several leaves of one tree, from the proof of each, for leaves in this order. `None` if they can't be proven
/// together in this order, or don't belong together.
pub fn combine(leaves: &[(B256, &[B256])], root: B256) -> Option<MultiProof> {
    let mut siblings: HashMap<B256, B256> = HashMap::new();
    for (leaf, proof) in leaves {
        let mut node = *leaf;
        for sibling in *proof {
            siblings.insert(node, *sibling);
            node = parent(node, *sibling);
        }
    }
    let mut queue: std::collections::VecDeque<B256> = leaves.iter().map(|(leaf, _)| *leaf).collect();
    let mut combined = MultiProof { proof: Vec::new(), flags: Vec::new() };
    while let Some(node) = queue.pop_front() {
        let Some(sibling) = siblings.get(&node) else {
            return (node == root && queue.is_empty()).then_some(combined);
        };
        // A node with a sibling of its own known is on another leaf's path: it has to be next.
        let on_a_path = siblings.contains_key(sibling);
        if on_a_path && queue.pop_front() != Some(*sibling) {
            return None;
        }
        if !on_a_path {
            combined.proof.push(*sibling);
        }
        combined.flags.push(on_a_path);
        queue.push_back(parent(node, *sibling));
    }
    None
}

/// The root that `proof` leads to from `leaf`.
pub fn root_from(leaf: B256, proof: &[B256]) -> B256 {
    proof.iter().fold(leaf, |node, sibling| parent(node, *sibling))
}

fn parent(a: B256, b: B256) -> B256 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    keccak256([low.0, high.0].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_leaf_proves_to_the_root(seeds in prop::collection::vec(any::<[u8; 32]>(), 1..70)) {
            let leaves: Vec<_> = seeds.into_iter().map(B256::from).collect();
            let tree = Tree::new(leaves.clone()).expect("has leaves");
            for (index, leaf) in leaves.iter().enumerate() {
                prop_assert_eq!(root_from(*leaf, &tree.proof(index)), tree.root());
            }
        }
    }

    /// OpenZeppelin's `processMultiProof`, step by step.
    fn process(leaves: &[B256], multi: &MultiProof) -> Option<B256> {
        let mut queue: std::collections::VecDeque<B256> = leaves.iter().copied().collect();
        let mut proof = multi.proof.iter();
        for flag in &multi.flags {
            let a = queue.pop_front()?;
            let b = if *flag { queue.pop_front()? } else { *proof.next()? };
            queue.push_back(parent(a, b));
        }
        (proof.next().is_none() && queue.len() == 1).then(|| queue[0])
    }

    proptest! {
        #[test]
        fn any_leaves_in_their_order_are_proven_together(
            seeds in prop::collection::hash_set(any::<[u8; 32]>(), 1..70), picks in any::<u128>()
        ) {
            let leaves: Vec<_> = seeds.into_iter().map(B256::from).collect();
            let tree = Tree::new(leaves.clone()).expect("has leaves");
            let picked: Vec<usize> = (0..leaves.len()).filter(|i| *i == 0 || picks >> (i % 128) & 1 == 1).collect();
            let proofs: Vec<_> = picked.iter().map(|i| tree.proof(*i)).collect();
            let known: Vec<_> = picked.iter().zip(&proofs).map(|(i, proof)| (leaves[*i], proof.as_slice())).collect();
            let multi = combine(&known, tree.root()).expect("are in order");
            let hashes: Vec<_> = known.iter().map(|(leaf, _)| *leaf).collect();
            prop_assert_eq!(process(&hashes, &multi), Some(tree.root()));
        }
    }

    #[test]
    fn leaves_out_of_order_or_of_another_tree_are_not_combined() {
        let leaves: Vec<B256> = (0..5).map(B256::repeat_byte).collect();
        let tree = Tree::new(leaves.clone()).expect("has leaves");
        let proofs: Vec<_> = (0..5).map(|i| tree.proof(i)).collect();
        let of = |order: &[usize]| -> Option<MultiProof> {
            let known: Vec<_> = order.iter().map(|i| (leaves[*i], proofs[*i].as_slice())).collect();
            combine(&known, tree.root())
        };
        assert!(of(&[0, 1, 2, 3, 4]).is_some());
        assert!(of(&[0, 2, 1]).is_none());
        assert!(combine(&[(leaves[0], &proofs[1])], tree.root()).is_none());
        assert!(combine(&[], tree.root()).is_none());
    }

    #[test]
    fn one_leaf_is_its_own_root() {
        let leaf = B256::repeat_byte(7);
        let tree = Tree::new(vec![leaf]).expect("has a leaf");
        assert_eq!((tree.root(), tree.proof(0)), (leaf, vec![]));
        assert!(Tree::new(vec![]).is_none());
    }
}
