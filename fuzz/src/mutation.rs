//! The frame of a mutator that knows a format: decode, change, encode, and now and then none of it.

/// libFuzzer's own mutator: buffer, size, largest size. Passed in, so that this crate links without
/// libFuzzer.
pub type Bytes = fn(&mut [u8], usize, usize) -> usize;

/// Room that a mutated text or content may grow into.
const GROWTH: usize = 64;

/// Numbers from a seed (SplitMix64): the same mutation for the same seed, as libFuzzer asks.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Starts at `seed`.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() >> 1)
            .unwrap_or(0)
            .checked_rem(end)
            .unwrap_or(0)
    }

    /// One of the slice.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

/// Lets libFuzzer change a text or content by itself.
pub fn grow(content: &mut Vec<u8>, bytes: Bytes) {
    let size = content.len();
    content.resize(size + GROWTH, 0);
    let most = content.len();
    let size = bytes(content, size, most);
    content.truncate(size);
}

/// Changes `data[..size]` by `change` if it can be decoded and the outcome fits, else by libFuzzer's
/// own mutator; one time in eight by that in any case, so that broken encodings come up too.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: Bytes,
    change: impl FnOnce(&[u8], &mut Random) -> Option<Vec<u8>>,
) -> usize {
    let mut random = Random::new(seed);
    let changed = if random.below(8) == 0 {
        None
    } else {
        data.get(..size)
            .and_then(|input| change(input, &mut random))
            .filter(|output| output.len() <= max_size)
    };
    match changed {
        Some(output) => {
            data[..output.len()].copy_from_slice(&output);
            output.len()
        }
        None => bytes(data, size, max_size),
    }
}
