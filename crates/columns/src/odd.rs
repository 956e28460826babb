//! Rows that fit no columns, as they lie in an image: fixed words, and their licence lines apart.

use crate::image::{Image, ImageWriter, Section};
use crate::row::{LicenseLine, SessionRow};

/// Start, end, queue and fleet, job and user, instance type and "has a COMPUTE line", COMPUTE cost, end of the lines, worker
/// and outcome.
type OddWords = [u64; 8];

/// Product and cost.
type LineWords = [u64; 2];

pub(crate) fn write(rows: &[SessionRow], writer: &mut ImageWriter) {
    let mut lines: Vec<LineWords> = Vec::new();
    let words: Vec<OddWords> = rows
        .iter()
        .map(|row| {
            lines.extend(row.licenses.iter().map(|line| [u64::from(line.product), line.cost_nanos]));
            [
                row.start_ms.cast_unsigned(),
                row.end_ms.cast_unsigned(),
                pair(row.queue, row.fleet),
                pair(row.job, row.user),
                pair(row.instance_type, u32::from(row.compute_nanos.is_some())),
                row.compute_nanos.unwrap_or(0),
                lines.len() as u64,
                pair(row.worker, u32::from(row.outcome)),
            ]
        })
        .collect();
    writer.put(Section::OddRows, &words);
    writer.put(Section::OddLines, &lines);
}

pub(crate) fn len(image: &Image) -> usize {
    image.len::<OddWords>(Section::OddRows)
}

pub(crate) fn rows(image: &Image) -> impl Iterator<Item = SessionRow> + '_ {
    let lines: &[LineWords] = image.section(Section::OddLines);
    let mut from = 0;
    image.section::<OddWords>(Section::OddRows).iter().map(move |words| {
        let to = usize::try_from(words[6]).unwrap_or(0);
        let own = lines.get(from..to).unwrap_or_default();
        from = to;
        row(words, own)
    })
}

fn row(words: &OddWords, lines: &[LineWords]) -> SessionRow {
    let [(queue, fleet), (job, user), (instance_type, has_compute), (worker, outcome)] =
        [words[2], words[3], words[4], words[7]].map(unpair);
    let line = |line: &LineWords| LicenseLine { product: unpair(line[0]).0, cost_nanos: line[1] };
    SessionRow {
        start_ms: words[0].cast_signed(),
        end_ms: words[1].cast_signed(),
        queue,
        fleet,
        job,
        user,
        instance_type,
        worker,
        outcome: u8::try_from(outcome).unwrap_or(0),
        compute_nanos: (has_compute == 1).then_some(words[5]),
        licenses: lines.iter().map(line).collect(),
    }
}

fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
fn unpair(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}
