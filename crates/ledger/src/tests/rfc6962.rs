//! The published facts about RFC 6962 trees.
//!
//! Leaves, node hashes and roots are those of the Certificate Transparency reference (the same
//! eight leaves in every implementation); the proofs are those in `testdata/`.

use switchback_model::Digest;
use tlog_tiles::tlog::record_hash;

use crate::proof::{check_consistency, check_inclusion};
use crate::tree::{self, Frontier, Head};
use crate::{Append, MemoryStore, NewEntry, Store};

const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const LEAF_HASHES: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn digest(hex: &str) -> Digest {
    format!("sha256:{hex}").parse().unwrap()
}

fn head(size: u64) -> Head {
    Head {
        size,
        root: digest(ROOTS[usize::try_from(size).unwrap()]),
    }
}

/// A store with the reference leaves, which are no leaves of ours.
fn reference_store() -> MemoryStore {
    let store = MemoryStore::new();
    let mut frontier = Frontier::default();
    for (index, leaf) in (0..).zip(LEAVES) {
        let leaf = bytes(leaf);
        let mut hashes = Vec::new();
        frontier.push(record_hash(&leaf), |hash| hashes.extend_from_slice(&hash.0));
        let entry = NewEntry {
            id: index.to_string(),
            leaf,
            payload: Vec::new(),
            hashes,
        };
        assert_eq!(store.append(index, &[entry]).unwrap(), Append::Committed);
    }
    store
}

#[test]
fn roots_are_the_published_ones() {
    let store = reference_store();
    let mut frontier = Frontier::default();
    for (size, root) in (0..).zip(ROOTS) {
        assert_eq!(
            tree::root(&store, size).unwrap(),
            digest(root),
            "stored, size {size}"
        );
        assert_eq!(
            tree::digest(frontier.root()),
            digest(root),
            "streamed, size {size}"
        );
        if let Some(leaf) = LEAVES.get(usize::try_from(size).unwrap()) {
            frontier.push(record_hash(&bytes(leaf)), |_| {});
        }
    }
}

#[test]
fn leaf_hashes_are_the_published_ones() {
    for (leaf, hash) in LEAVES.iter().zip(LEAF_HASHES) {
        assert_eq!(tree::digest(record_hash(&bytes(leaf))), digest(hash));
    }
}

#[test]
fn published_proofs_are_made_and_judged_alike() {
    let store = reference_store();
    let text = include_str!("../../testdata/rfc6962-proofs.txt");
    let (mut accepted, mut refused, mut made) = (0, 0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        let inclusion = word() == "inclusion";
        let accept = word() == "accept";
        let (first, second): (u64, u64) = (word().parse().unwrap(), word().parse().unwrap());
        let (one, other) = (digest(word()), digest(word()));
        let path: Vec<Digest> = words.map(digest).collect();
        let judged = if inclusion {
            check_inclusion(
                &path,
                first,
                &other,
                &Head {
                    size: second,
                    root: one,
                },
            )
        } else {
            let (old, new) = (
                Head {
                    size: first,
                    root: one,
                },
                Head {
                    size: second,
                    root: other,
                },
            );
            check_consistency(&path, &old, &new)
        };
        assert_eq!(judged.is_ok(), accept, "{line}");
        if accept {
            accepted += 1
        } else {
            refused += 1
        }
        // The accepted ones of the reference tree are also what we make.
        let ours = if inclusion {
            accept && second <= 8 && head(second).root == one
        } else {
            accept && second <= 8 && head(second).root == other
        };
        if ours {
            made += 1;
            let ours = if inclusion {
                tree::inclusion(&store, first, second)
            } else {
                tree::consistency(&store, first, second)
            };
            assert_eq!(ours.unwrap(), path, "{line}");
        }
    }
    assert!(
        accepted >= 10 && refused >= 100 && made >= 10,
        "{accepted} {refused} {made}"
    );
}

#[test]
fn all_proofs_of_the_reference_tree_hold() {
    let store = reference_store();
    for size in 1..=8 {
        for (index, leaf) in (0..size).zip(LEAF_HASHES) {
            let path = tree::inclusion(&store, index, size).unwrap();
            check_inclusion(&path, index, &digest(leaf), &head(size)).unwrap();
            let other = digest(LEAF_HASHES[usize::try_from((index + 1) % 8).unwrap()]);
            assert!(check_inclusion(&path, index, &other, &head(size)).is_err());
        }
        for old in 0..=size {
            let path = tree::consistency(&store, old, size).unwrap();
            check_consistency(&path, &head(old), &head(size)).unwrap();
        }
    }
}
