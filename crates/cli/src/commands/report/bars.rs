//! Bars of block characters. A library for terminals would bring forty-five crates for these two functions.

use super::figures::Figure;

/// Width of the longest bar, in characters.
const BAR_WIDTH: u128 = 24;
/// Most characters of a line of small bars; more buckets share a character.
const LINE_WIDTH: usize = 60;
/// From an eighth of a character to a whole one, to the right.
const RIGHT: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// From an eighth of a character to a whole one, upwards.
const UP: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar as long as a figure is beside the greatest. What is there at all is seen.
pub(super) fn bar(figure: Figure, greatest: Figure) -> String {
    let eighths = parts(figure, greatest, BAR_WIDTH * 8);
    let whole = usize::try_from(eighths / 8).unwrap_or_default();
    let mut bar = "█".repeat(whole);
    bar.extend(last_of(&RIGHT, eighths % 8));
    bar
}

/// A line with a small bar for each bucket.
pub(super) fn line(figures: &[Figure]) -> String {
    let shared = figures.len().div_ceil(LINE_WIDTH).max(1);
    let sum = |some: &[Figure]| Figure(some.iter().map(|figure| figure.0).fold(0, u128::saturating_add));
    let figures: Vec<Figure> = figures.chunks(shared).map(sum).collect();
    let greatest = figures.iter().copied().max().unwrap_or_default();
    figures.iter().map(|figure| last_of(&UP, parts(*figure, greatest, 8)).unwrap_or(' ')).collect()
}

/// How many of `most` parts a figure has of the greatest, rounded up.
fn parts(figure: Figure, greatest: Figure, most: u128) -> u128 {
    if greatest.0 == 0 {
        return 0;
    }
    // Dividing both first keeps the product small; only a ratio is wanted.
    let scale = (greatest.0 / (u128::MAX / (most * 2))).max(1);
    ((figure.0 / scale) * most).div_ceil((greatest.0 / scale).max(1)).min(most)
}

fn last_of(blocks: &[char; 8], eighths: u128) -> Option<char> {
    usize::try_from(eighths).ok()?.checked_sub(1).and_then(|index| blocks.get(index).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_fills_its_place_and_the_least_is_seen() {
        assert_eq!(bar(Figure(10), Figure(10)).chars().count(), 24);
        assert_eq!(bar(Figure(5), Figure(10)), "█".repeat(12));
        assert_eq!(bar(Figure(1), Figure(1_000_000)), "▏");
        assert_eq!(bar(Figure(0), Figure(10)), "");
        assert_eq!(bar(Figure(0), Figure(0)), "");
        assert_eq!(bar(Figure(u128::MAX), Figure(u128::MAX)).chars().count(), 24);
    }

    #[test]
    fn a_line_has_a_place_for_each_bucket() {
        let figures = |numbers: &[u128]| numbers.iter().copied().map(Figure).collect::<Vec<_>>();
        assert_eq!(line(&figures(&[0, 1, 4, 8])), " ▁▄█");
        assert_eq!(line(&figures(&[])), "");
        assert_eq!(line(&figures(&[1; 61])).chars().count(), 31);
    }
}
