//! Parquet's encodings, as far as segments use them: run lengths and packed bits for levels and codes, deltas for numbers,
//! shared beginnings for ids.
//!
//! The library writes them too, but looks up every value of a dictionary by its bytes, while codes are at hand here.

/// Values of a block of deltas, and of each of its parts.
const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Bits that it takes to tell `count` codes apart.
pub(super) const fn bit_width(count: usize) -> u32 {
    match count {
        0 | 1 => 0,
        _ => usize::BITS - (count - 1).leading_zeros(),
    }
}

/// Codes as one run where all are equal, and otherwise as packed bits.
pub(super) fn runs(out: &mut Vec<u8>, codes: &[u32], width: u32) {
    let Some(first) = codes.first() else { return };
    if codes.iter().all(|code| code == first) {
        varint(out, (codes.len() as u64) << 1);
        out.extend_from_slice(&first.to_le_bytes()[..width.div_ceil(8) as usize]);
        return;
    }
    varint(out, (codes.len().div_ceil(8) as u64) << 1 | 1);
    let padding = codes.len().next_multiple_of(8) - codes.len();
    let mut packing = Packing::new(out);
    for code in codes {
        packing.push(u64::from(*code), width);
    }
    for _ in 0..padding {
        packing.push(0, width);
    }
    packing.finish();
}

/// Booleans, a bit each.
pub(super) fn bits(out: &mut Vec<u8>, values: &[bool]) {
    let mut packing = Packing::new(out);
    for value in values {
        packing.push(u64::from(*value), 1);
    }
    packing.finish();
}

/// A number type of the format, whose differences wrap as its decoders let them wrap.
pub(super) trait Number: Copy {
    fn wide(self) -> i64;
    fn minus(self, other: Self) -> i64;
}

impl Number for i32 {
    fn wide(self) -> i64 {
        self.into()
    }

    fn minus(self, other: Self) -> i64 {
        self.wrapping_sub(other).into()
    }
}

impl Number for i64 {
    fn wide(self) -> i64 {
        self
    }

    fn minus(self, other: Self) -> i64 {
        self.wrapping_sub(other)
    }
}

/// Numbers as differences of neighbours (`DELTA_BINARY_PACKED`).
pub(super) fn deltas<N: Number>(out: &mut Vec<u8>, values: &[N]) {
    varint(out, BLOCK as u64);
    varint(out, MINIBLOCKS as u64);
    varint(out, values.len() as u64);
    varint(out, zigzag(values.first().map_or(0, |first| first.wide())));
    let mut deltas = [0; BLOCK];
    for start in (0..values.len().saturating_sub(1)).step_by(BLOCK) {
        let count = (values.len() - 1 - start).min(BLOCK);
        for (delta, pair) in deltas.iter_mut().zip(values[start..=start + count].windows(2)) {
            *delta = pair[1].minus(pair[0]);
        }
        block(out, &deltas[..count]);
    }
}

fn block(out: &mut Vec<u8>, deltas: &[i64]) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    varint(out, zigzag(least));
    let above = |delta: &i64| delta.wrapping_sub(least).cast_unsigned();
    let width =
        |part: &[i64]| u64::BITS - part.iter().fold(0, |all, delta| all | above(delta)).leading_zeros();
    let parts = || deltas.chunks(MINIBLOCK);
    let widths = parts().map(width).chain(std::iter::repeat(0)).take(MINIBLOCKS);
    out.extend(widths.map(|width| width.to_le_bytes()[0]));
    for part in parts() {
        let width = width(part);
        let mut packing = Packing::new(out);
        for delta in part {
            packing.push(above(delta), width);
        }
        for _ in part.len()..MINIBLOCK {
            packing.push(0, width);
        }
        packing.finish();
    }
}

/// Ids behind one prefix, as what each has beyond the one before it (`DELTA_BYTE_ARRAY`).
pub(super) fn ids(out: &mut Vec<u8>, prefix: &[u8], ids: &[[u8; 16]]) {
    const DIGITS: i32 = 32;
    let shared = i32::try_from(prefix.len()).unwrap_or(0);
    let repeats = |index: usize| index > 0 && ids[index - 1] == ids[index];
    let begins = |index: usize| match index {
        0 => 0,
        _ if repeats(index) => shared + DIGITS,
        _ => shared,
    };
    let lengths: Vec<i32> = (0..ids.len()).map(begins).collect();
    deltas(out, &lengths);
    let lengths: Vec<i32> = lengths.into_iter().map(|length| shared + DIGITS - length).collect();
    deltas(out, &lengths);
    if !ids.is_empty() {
        out.extend_from_slice(prefix);
    }
    for (_, id) in ids.iter().enumerate().filter(|(index, _)| !repeats(*index)) {
        let mut digits = [[0; 2]; 16];
        for (digits, byte) in digits.iter_mut().zip(id) {
            *digits = HEX[usize::from(*byte)];
        }
        out.extend_from_slice(digits.as_flattened());
    }
}

/// A byte as two hexadecimal digits.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// Numbers of few bits, the lowest bit first.
struct Packing<'a> {
    out: &'a mut Vec<u8>,
    waiting: u64,
    bits: u32,
}

impl<'a> Packing<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, waiting: 0, bits: 0 }
    }

    /// Adds a number, which has to be of `width` bits, at most 64.
    fn push(&mut self, number: u64, width: u32) {
        self.waiting |= number.checked_shl(self.bits).unwrap_or(0);
        let bits = self.bits + width;
        if bits < u64::BITS {
            self.bits = bits;
            return;
        }
        self.out.extend_from_slice(&self.waiting.to_le_bytes());
        // What of the number did not fit.
        self.waiting = number.checked_shr(u64::BITS - self.bits).unwrap_or(0);
        self.bits = bits - u64::BITS;
    }

    fn finish(self) {
        self.out.extend_from_slice(&self.waiting.to_le_bytes()[..self.bits.div_ceil(8) as usize]);
    }
}
