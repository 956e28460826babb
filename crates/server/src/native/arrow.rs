//! The stream format of Arrow IPC: a schema, batches of rows, and an end.
//!
//! Only what our four kinds of columns need is written, by `arrow-format`'s types of the format's own messages. The arrow
//! crates would do it too, and weigh as much as everything else that writes answers.

use std::io;

use arrow_format::ipc::planus::Builder;
use arrow_format::ipc::{
    Buffer, Decimal, Endianness, Field, FieldNode, Int, Message, MessageHeader, MetadataVersion, RecordBatch,
    Schema, TimeUnit, Timestamp, Type, Utf8,
};

use super::columns::{Column, Values, precision};
use super::csv::row_count;

/// Everything in a stream begins at a multiple of this.
const ALIGNMENT: usize = 8;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Begins a stream.
pub(crate) fn write_schema(columns: &[Column], mut out: impl io::Write) -> io::Result<()> {
    write_message(&mut out, MessageHeader::Schema(Box::new(schema(columns))), &[])
}

/// Writes rows as one batch. Offsets of texts have 32 bits, and the longest name has 8 KiB in bytes, so that there have to be
/// fewer than 262,144 rows.
pub(crate) fn write_batch(columns: &[Column], mut out: impl io::Write) -> io::Result<()> {
    let mut body = Body::default();
    for column in columns {
        body.add(&column.values);
    }
    let batch = RecordBatch {
        length: as_i64(row_count(columns)),
        nodes: Some(body.nodes),
        buffers: Some(body.buffers),
        compression: None,
    };
    write_message(&mut out, MessageHeader::RecordBatch(Box::new(batch)), &body.bytes)
}

/// Ends a stream.
pub(crate) fn write_end(mut out: impl io::Write) -> io::Result<()> {
    out.write_all(&CONTINUATION)?;
    out.write_all(&[0; 4])
}

fn schema(columns: &[Column]) -> Schema {
    let fields = columns.iter().map(|column| Field {
        name: Some(column.name.clone()),
        nullable: true,
        type_: Some(type_of(&column.values)),
        dictionary: None,
        children: Some(Vec::new()),
        custom_metadata: None,
    });
    Schema {
        endianness: Endianness::Little,
        fields: Some(fields.collect()),
        custom_metadata: None,
        features: None,
    }
}

fn type_of(values: &Values) -> Type {
    match values {
        Values::Time(_) => Type::Timestamp(Box::new(Timestamp {
            unit: TimeUnit::Millisecond,
            timezone: Some("UTC".to_owned()),
        })),
        Values::Text { .. } => Type::Utf8(Box::new(Utf8 {})),
        Values::Count(_) => Type::Int(Box::new(Int { bit_width: 64, is_signed: true })),
        Values::Decimal { scale, .. } => Type::Decimal(Box::new(Decimal {
            precision: precision(*scale).into(),
            scale: (*scale).into(),
            bit_width: 128,
        })),
    }
}

fn write_message(out: &mut impl io::Write, header: MessageHeader, body: &[u8]) -> io::Result<()> {
    let message = Message {
        version: MetadataVersion::V5,
        header: Some(header),
        body_length: as_i64(body.len()),
        custom_metadata: None,
    };
    let mut builder = Builder::new();
    let metadata = builder.finish(&message, None);
    let padding = padding(metadata.len());
    let length = u32::try_from(metadata.len() + padding).map_err(io::Error::other)?;
    out.write_all(&CONTINUATION)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(metadata)?;
    out.write_all(&[0; ALIGNMENT][..padding])?;
    out.write_all(body)
}

/// The bytes of a batch, and where each column's are.
#[derive(Debug, Default)]
struct Body {
    nodes: Vec<FieldNode>,
    buffers: Vec<Buffer>,
    bytes: Vec<u8>,
}

impl Body {
    fn add(&mut self, values: &Values) {
        match values {
            Values::Time(values) | Values::Count(values) => {
                self.add_validity(values.iter().map(Option::is_some), values.len());
                self.add_buffer(values.iter().flat_map(|value| value.unwrap_or(0).to_le_bytes()));
            }
            Values::Decimal { values, .. } => {
                self.add_validity(values.iter().map(Option::is_some), values.len());
                self.add_buffer(values.iter().flat_map(|value| value.unwrap_or(0).to_le_bytes()));
            }
            Values::Text { texts, places } => self.add_texts(texts, places),
        }
    }

    fn add_texts(&mut self, texts: &[String], places: &[Option<u32>]) {
        self.add_validity(places.iter().map(Option::is_some), places.len());
        let text = |place: &Option<u32>| place.map_or("", |place| texts[place as usize].as_str());
        let mut end = 0_i32;
        let ends = places.iter().map(|place| {
            end = end.saturating_add(i32::try_from(text(place).len()).unwrap_or(i32::MAX));
            end
        });
        let offsets: Vec<i32> = [0].into_iter().chain(ends).collect();
        self.add_buffer(offsets.into_iter().flat_map(i32::to_le_bytes));
        self.add_buffer(places.iter().flat_map(|place| text(place).bytes()));
    }

    /// A bit for each value that is there, from the lowest of each byte on.
    fn add_validity(&mut self, is_there: impl Iterator<Item = bool>, length: usize) {
        let mut bits = vec![0_u8; length.div_ceil(8)];
        let mut null_count = 0;
        for (index, is_there) in is_there.enumerate() {
            if is_there {
                bits[index / 8] |= 1 << (index % 8);
            } else {
                null_count += 1;
            }
        }
        self.nodes.push(FieldNode { length: as_i64(length), null_count });
        self.add_buffer(bits);
    }

    fn add_buffer(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let offset = self.bytes.len();
        self.bytes.extend(bytes);
        let length = self.bytes.len() - offset;
        self.buffers.push(Buffer { offset: as_i64(offset), length: as_i64(length) });
        self.bytes.resize(self.bytes.len() + padding(self.bytes.len()), 0);
    }
}

const fn padding(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT) - length
}

fn as_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
