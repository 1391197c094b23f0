//! SHA-1 (FIPS 180-4), by which Git names small files. Ours: sixty lines against another package, for a check of configuration
//! files; nothing here relies on its strength.

/// A digest under way.
#[derive(Debug, Clone)]
pub(super) struct Sha1 {
    state: [u32; 5],
    /// Bytes that fill no block yet.
    rest: Vec<u8>,
    bytes: u64,
}

impl Default for Sha1 {
    fn default() -> Self {
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        Self { state, rest: Vec::new(), bytes: 0 }
    }
}

impl Sha1 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.rest.extend_from_slice(bytes);
        let blocks = self.rest.chunks_exact(64);
        let left = blocks.remainder().to_vec();
        for block in blocks {
            add(&mut self.state, block);
        }
        self.rest = left;
    }

    pub(super) fn finish(mut self) -> [u8; 20] {
        let bits = 8 * self.bytes;
        let mut end = vec![0x80];
        end.resize(1 + (119 - self.rest.len() % 64) % 64, 0);
        end.extend_from_slice(&bits.to_be_bytes());
        self.update(&end);
        let mut digest = [0; 20];
        for (into, word) in digest.chunks_exact_mut(4).zip(self.state) {
            into.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

/// Adds a block of 64 bytes.
fn add(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for at in 16..80 {
        words[at] =
            (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.iter().enumerate() {
        let (mixed, constant) = match at / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e);
        let next = next.wrapping_add(constant).wrapping_add(*word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    for (into, word) in state.iter_mut().zip([a, b, c, d, e]) {
        *into = into.wrapping_add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &[u8], piece: usize) -> String {
        let mut sha1 = Sha1::default();
        text.chunks(piece).for_each(|piece| sha1.update(piece));
        sha1.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        let long = vec![b'a'; 1_000_000];
        for (text, digest) in [
            (&b""[..], "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            ),
            (&long, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        ] {
            for piece in [1, 63, 64, 65, 4096] {
                assert_eq!(hex(text, piece), digest);
            }
        }
    }
}
