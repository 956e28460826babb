//! The same question in boto3 and in the AWS CLI, with the farm's real ids and times that have data.

use std::fmt;

use farmtally_model::{FarmId, QueueId, RESOURCES_MAX, Timestamp};
use farmtally_service::{Catalogue, NamedResource};
use serde_json::Value;

use super::sample::{Sample, whole_hour};
use crate::report_error::Failure;

const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// What did each queue cost in the seven days up to the sample's last hour?
pub(super) struct Question {
    farm_id: FarmId,
    queues: Vec<NamedResource<QueueId>>,
    start: Timestamp,
    end: Timestamp,
}

impl Question {
    /// About the farm's queues.
    pub(super) fn about(catalogue: &Catalogue, sample: &Sample) -> Result<Self, Failure> {
        let farm_id = sample.farm.farm_id;
        let end = whole_hour(sample.made_at);
        Ok(Self {
            farm_id,
            queues: catalogue.queues(farm_id, None, RESOURCES_MAX)?,
            start: Timestamp::from_millis_clamped(end.millis() - WEEK_MS),
            end,
        })
    }

    /// The queues as a Python dictionary from id to name, one to a line; JSON's quoting is Python's too.
    fn queue_names(&self) -> String {
        let names = self.queues.iter().map(|queue| {
            let name = Value::from(queue.display_name.as_str());
            format!("    \"{}\": {name},\n", queue.id)
        });
        names.collect()
    }

    fn queue_ids(&self) -> String {
        let ids: Vec<String> = self.queues.iter().map(|queue| queue.id.to_string()).collect();
        ids.join(",")
    }

    fn write_boto3(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { farm_id, start, end, .. } = self;
        let names = self.queue_names();
        writeln!(
            f,
            r#"# boto3: what each queue cost, day by day
python3 - <<'EOF'
import time
import boto3

names = {{
{names}}}
deadline = boto3.client("deadline")
started = deadline.start_sessions_statistics_aggregation(
    farmId="{farm_id}",
    resourceIds={{"queueIds": list(names)}},
    startTime="{start}",
    endTime="{end}",
    period="DAILY",
    groupBy=["QUEUE_ID"],
    statistics=["SUM"],
)
question = {{"farmId": "{farm_id}", "aggregationId": started["aggregationId"]}}
while deadline.get_sessions_statistics_aggregation(**question)["status"] == "IN_PROGRESS":
    time.sleep(0.2)
pages = deadline.get_paginator("get_sessions_statistics_aggregation").paginate(**question)
for page in pages:
    for row in page["statistics"]:
        day, cost, seconds = row["aggregationStartTime"], row["costInUsd"]["sum"], row["runtimeInSeconds"]["sum"]
        print(f"{{day:%Y-%m-%d %H:%M}}  {{names[row['queueId']]:<12}}{{row['count']:>7}} sessions{{seconds / 3600:>10.1f}} h{{cost:>12.2f}} USD")
EOF"#
        )
    }

    fn write_aws_cli(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { farm_id, start, end, .. } = self;
        let queue_ids = self.queue_ids();
        write!(
            f,
            r#"# The AWS CLI: what each person cost in the whole week
aggregation_id=$(aws deadline start-sessions-statistics-aggregation \
  --farm-id {farm_id} \
  --resource-ids queueIds={queue_ids} \
  --start-time {start} --end-time {end} \
  --group-by USER_ID --statistics SUM AVG \
  --query aggregationId --output text)
aws deadline get-sessions-statistics-aggregation --farm-id {farm_id} --aggregation-id "$aggregation_id""#
        )?;
        f.write_str("\n")
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_boto3(f)?;
        f.write_str("\n")?;
        self.write_aws_cli(f)
    }
}
