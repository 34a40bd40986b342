//! Merkle trees as OpenZeppelin's `MerkleProof` checks them: pairs are hashed in sorted order, an odd node moves up unchanged.

use alloy_primitives::{B256, keccak256};

/// All levels of a tree, leaves first.
#[derive(Clone, Debug)]
pub struct Tree {
    levels: Vec<Vec<B256>>,
}

impl Tree {
    /// `None` without leaves: there is nothing to sign then.
    pub fn new(leaves: Vec<B256>) -> Option<Self> {
        if leaves.is_empty() {
            return None;
        }
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let next = level.chunks(2).map(|pair| if let [a, b] = pair { parent(*a, *b) } else { pair[0] }).collect();
            levels.push(next);
        }
        Some(Self { levels })
    }

    pub fn root(&self) -> B256 {
        self.levels[self.levels.len() - 1][0]
    }

    /// The siblings from leaf `index` up to the root.
    pub fn proof(&self, index: usize) -> Vec<B256> {
        let below_root = &self.levels[..self.levels.len() - 1];
        below_root.iter().enumerate().filter_map(|(depth, level)| level.get((index >> depth) ^ 1).copied()).collect()
    }
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

    #[test]
    fn one_leaf_is_its_own_root() {
        let leaf = B256::repeat_byte(7);
        let tree = Tree::new(vec![leaf]).expect("has a leaf");
        assert_eq!((tree.root(), tree.proof(0)), (leaf, vec![]));
        assert!(Tree::new(vec![]).is_none());
    }
}
