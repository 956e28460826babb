//! The days of a farm as bars.

use std::fmt;

use farmtally_service::{DayUsage, FarmOverview};

use super::figures::{Count, Day, Dollars};

/// Units of the drawing; the style sheet stretches it.
const BAR_PITCH: usize = 10;
const BAR_WIDTH: usize = 8;
const HEIGHT: f64 = 100.0;

/// Cost by day. The same numbers are in each bar's title, so that nobody has to judge them by eye.
#[derive(Debug)]
pub(super) struct DayChart<'a>(pub(super) &'a FarmOverview);

impl DayChart<'_> {
    fn cost_usd(&self, day: &DayUsage) -> f64 {
        day.totals.cost_usd(self.0.farm.cost_scale_factor)
    }

    fn highest_usd(&self) -> f64 {
        self.0.days.iter().map(|day| self.cost_usd(day)).fold(0.0, f64::max)
    }
}

impl fmt::Display for DayChart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, highest_usd) = (&self.0.days, self.highest_usd());
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let width = days.len() * BAR_PITCH;
        write!(f, "<figure><figcaption>Cost by day, at most {}</figcaption>", Dollars(highest_usd))?;
        write!(
            f,
            "<svg class=\"days\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" "
        )?;
        f.write_str("aria-label=\"Cost by day\">")?;
        for (index, day) in days.iter().enumerate() {
            write_bar(f, index * BAR_PITCH, day, self.cost_usd(day), highest_usd)?;
        }
        f.write_str("</svg>")?;
        write!(
            f,
            "<p class=\"axis\"><span>{}</span><span>{}</span></p></figure>",
            Day(first.start),
            Day(last.start)
        )
    }
}

fn write_bar(
    f: &mut fmt::Formatter<'_>,
    x: usize,
    day: &DayUsage,
    cost_usd: f64,
    highest_usd: f64,
) -> fmt::Result {
    let height = if highest_usd > 0.0 { HEIGHT * cost_usd / highest_usd } else { 0.0 };
    let (y, date) = (HEIGHT - height, Day(day.start));
    let (cost, sessions) = (Dollars(cost_usd), Count(day.totals.sessions));
    // The first rectangle takes the pointer over the whole height, for the title of a day with a low bar.
    write!(f, "<g><title>{date}: {cost}, {sessions} sessions</title>")?;
    write!(f, "<rect class=\"hit\" x=\"{x}\" y=\"0\" width=\"{BAR_PITCH}\" height=\"{HEIGHT}\"/>")?;
    write!(f, "<rect x=\"{x}\" y=\"{y:.2}\" width=\"{BAR_WIDTH}\" height=\"{height:.2}\"/></g>")
}
