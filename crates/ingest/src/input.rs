//! Bytes of a text format, ready to read: decompressed if they are gzip, and without a byte order mark.

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const UTF8_BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// A text to be read through a buffer.
pub(crate) type TextReader = BufReader<Box<dyn Read + Send>>;

/// Looks at the first bytes and unwraps what they announce.
pub(crate) fn text_reader(source: Box<dyn Read + Send>) -> io::Result<TextReader> {
    let (start, source) = peek(source, GZIP_MAGIC.len())?;
    let text: Box<dyn Read + Send> =
        if start == GZIP_MAGIC { Box::new(MultiGzDecoder::new(source)) } else { source };
    let (start, whole) = peek(text, UTF8_BYTE_ORDER_MARK.len())?;
    let mut reader = BufReader::new(whole);
    if start == UTF8_BYTE_ORDER_MARK {
        reader.read_exact(&mut [0; UTF8_BYTE_ORDER_MARK.len()])?;
    }
    Ok(reader)
}

/// The first `length` bytes, or fewer at the end, and a reader that still begins with them.
pub(crate) fn peek(
    mut source: Box<dyn Read + Send>,
    length: usize,
) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut start = Vec::with_capacity(length);
    source.by_ref().take(length as u64).read_to_end(&mut start)?;
    let whole = Cursor::new(start.clone()).chain(source);
    Ok((start, Box::new(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        text_reader(Box::new(Cursor::new(bytes.to_vec())))?.read_to_end(&mut text)?;
        Ok(text)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_text_passes_unchanged() {
        for text in [&b""[..], b"a", b"ab", b"abcd"] {
            assert_eq!(read(text).unwrap(), text);
        }
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes_and_may_have_several_members() {
        let mut members = gzip(b"one\n");
        members.extend(gzip(b"two\n"));
        assert_eq!(read(&members).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn a_byte_order_mark_is_left_out_compressed_or_not() {
        assert_eq!(read(b"\xef\xbb\xbfa").unwrap(), b"a");
        assert_eq!(read(&gzip(b"\xef\xbb\xbfa")).unwrap(), b"a");
    }

    #[test]
    fn a_torn_gzip_file_is_an_error() {
        let whole = gzip(b"some text that is long enough");
        assert!(read(&whole[..whole.len() - 5]).is_err());
    }
}
