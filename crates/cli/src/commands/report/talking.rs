//! What is said on stderr beside an answer: the range that was meant, why there is nothing in it, and what was read.

use farmtally_wire::native::{AnswerHead, Explain};

use super::figures::grouped;
use crate::talk::tell;
use crate::terminal_text::one_line;

/// Tells about an answer.
pub(super) fn about(head: &AnswerHead, explain: bool) {
    let window = &head.window;
    let name = one_line(&head.farm.display_name);
    tell(format_args!("{name} from {} to {} ({})", window.from, window.to, window.time_zone));
    if let Some(previous) = &head.previous_window {
        tell(format_args!("compared with {} to {}", previous.from, previous.to));
    }
    if head.total.sessions == 0 {
        tell(nothing(head));
    }
    if explain {
        tell(explained(head, &head.explain));
    }
}

fn nothing(head: &AnswerHead) -> String {
    match (&head.data.first_usage, &head.data.last_usage) {
        (Some(first), Some(last)) => format!("nothing matched; the farm has usage from {first} to {last}"),
        _ => "nothing matched; the farm has no usage yet, and `farmtally import` brings some".to_owned(),
    }
}

fn explained(head: &AnswerHead, explain: &Explain) -> String {
    let number = |number: u64| grouped(number.into());
    format!(
        "asked at {}; {} of {} sessions and volumes looked at, {} blocks read, {} not needed, {}.{:03} ms\n\
         costs are multiplied by the farm's cost scale factor {}",
        explain.as_of,
        number(explain.rows_scanned),
        number(head.data.records),
        number(explain.blocks_read),
        number(explain.blocks_skipped),
        number(explain.elapsed_micros / 1000),
        explain.elapsed_micros % 1000,
        head.farm.cost_scale_factor,
    )
}
