//! How to ask the same with one's own tools, ready to paste, about the farm that is on the page.

use std::fmt;

use farmtally_service::FarmOverview;

use super::escape::Escaped;

/// The recipe for one farm.
#[derive(Debug)]
pub(super) struct Recipe<'a>(pub(super) &'a FarmOverview);

impl fmt::Display for Recipe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shell, python) = (self.shell(), self.python());
        f.write_str("<section><h2>Ask with your own tools</h2>")?;
        f.write_str("<p>In a shell, with <code>DIR</code> for the data folder of this server:</p>")?;
        write!(f, "<pre><code>{}</code></pre>", Lines(&shell))?;
        f.write_str("<p>In the same shell, in Python with boto3:</p>")?;
        write!(f, "<pre><code>{}</code></pre></section>", Lines(&python))
    }
}

impl Recipe<'_> {
    /// The most expensive queue of the page, or a place for one.
    fn queue_id(&self) -> &str {
        self.0.queues.first().map_or("queue-ID", |queue| &queue.id)
    }

    fn shell(&self) -> String {
        let (farm_id, queue_id) = (self.0.farm.farm_id, self.queue_id());
        let (start, end) = (self.0.window.start(), self.0.window.end());
        format!(
            r#"eval "$(farmtally env --data-dir DIR)"
aws deadline start-sessions-statistics-aggregation --farm-id {farm_id} \
    --resource-ids '{{"queueIds":["{queue_id}"]}}' \
    --start-time {start} --end-time {end} \
    --group-by USER_ID --period DAILY --statistics SUM
aws deadline get-sessions-statistics-aggregation --farm-id {farm_id} \
    --aggregation-id AGGREGATION-ID-OF-THE-ANSWER"#
        )
    }

    fn python(&self) -> String {
        let (farm_id, queue_id) = (self.0.farm.farm_id, self.queue_id());
        let (start, end) = (self.0.window.start(), self.0.window.end());
        format!(
            r#"import time, boto3

deadline = boto3.client("deadline")
started = deadline.start_sessions_statistics_aggregation(
    farmId="{farm_id}", resourceIds={{"queueIds": ["{queue_id}"]}},
    startTime="{start}", endTime="{end}",
    groupBy=["USER_ID"], period="DAILY", statistics=["SUM"])
wanted = dict(farmId="{farm_id}", aggregationId=started["aggregationId"])
while deadline.get_sessions_statistics_aggregation(**wanted)["status"] == "IN_PROGRESS":
    time.sleep(0.2)
pages = deadline.get_paginator("get_sessions_statistics_aggregation").paginate(**wanted)
for row in (row for page in pages for row in page["statistics"]):
    print(row["aggregationStartTime"], row["userId"], row["costInUsd"]["sum"])"#
        )
    }
}

/// A text of several lines.
struct Lines<'a>(&'a str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.lines().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}", Escaped(line))?;
        }
        Ok(())
    }
}
