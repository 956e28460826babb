//! Every target over its corpus, and over mutations of it: a sample of what libFuzzer does for longer.
//!
//! `FARMTALLY_FUZZ_RUNS` is the number of mutations per target and `FARMTALLY_SEED` where they begin.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is missing"
)]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use farmtally_fuzz::{TARGETS, Target};

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder(target)).unwrap_or_else(|_| panic!("{} has no corpus", target.name));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus of {} is empty", target.name);
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// What parsers stumble over, put where it does not belong.
const DICTIONARY: [&[u8]; 18] = [
    b"\0",
    b"\xff",
    b"\xf0\x9f",
    b"\r\n",
    b"\"",
    b"'",
    b"%",
    b"%2F",
    b"{",
    b"}",
    b"[[",
    b",",
    b"9999999999999999999",
    b"-1",
    b"1e400",
    b"0000-00-00T00:00:00Z",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
];

fn mutated(corpus: &[Vec<u8>], random: &mut Random, bytes_max: usize) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            2 => bytes.truncate(at),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => {
                let other = &corpus[random.below(corpus.len())];
                bytes.splice(at.., other[random.below(other.len() + 1)..].iter().copied());
            }
            5 => {
                let length = random.below(64).min(bytes.len() - at);
                let part = bytes[at..at + length].to_vec();
                bytes.splice(at..at, part);
            }
            _ => drop(bytes.splice(at..at, DICTIONARY[random.below(DICTIONARY.len())].iter().copied())),
        }
    }
    bytes.truncate(bytes_max);
    bytes
}

fn run(target: &Target, bytes: &[u8]) {
    if catch_unwind(|| (target.run)(bytes)).is_err() {
        let path = std::env::temp_dir().join(format!("farmtally-crash-{}", target.name));
        fs::write(&path, bytes).unwrap();
        panic!("{} failed on the input that is now in {}", target.name, path.display());
    }
}

#[test]
fn nothing_in_a_corpus_and_nothing_near_it_stops_a_parser() {
    let (runs, seed) = (number("FARMTALLY_FUZZ_RUNS", 2_000), number("FARMTALLY_SEED", 1));
    println!("FARMTALLY_SEED={seed}");
    for target in TARGETS {
        let corpus = corpus(target);
        for bytes in &corpus {
            run(target, bytes);
        }
        let mut random = Random(seed);
        for _ in 0..runs {
            run(target, &mutated(&corpus, &mut random, target.bytes_max));
        }
    }
}

#[test]
fn corpora_are_small_and_belong_to_a_target() {
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "nobody reads the corpus {name}");
        let sizes = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        let bytes: u64 = sizes.sum();
        assert!(bytes <= 128 * 1024, "{name} has {bytes} bytes; keep what finds something new");
    }
}
