//! The counts as Prometheus reads them.

use std::fmt::{self, Display, Write as _};

use farmtally_service::{Service, ServiceCounts};

use super::counters::{Metrics, Snapshot};
use super::histogram::BOUNDS_US;
use super::usage::{FarmUsage, UsageGauges};
use crate::native::slots::QueryCounts;

/// Everything, as one text.
pub(crate) fn render(
    metrics: &Metrics,
    (queries, answers_bytes): (QueryCounts, usize),
    usage: &UsageGauges,
    service: &Service,
) -> String {
    let mut page = Page::default();
    page.family("farmtally_build_info", "gauge", "The version that runs.");
    page.sample("farmtally_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.http(&metrics.snapshot());
    page.queries(queries);
    page.single(
        "farmtally_answers_bytes",
        "gauge",
        "Memory of long answers that clients are reading.",
        answers_bytes,
    );
    page.service(&service.counts());
    page.farms(&usage.farms(service));
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.0.write_fmt(line).unwrap_or_default();
        self.0.push('\n');
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// Labels are names of ours, numbers and ids, in which nothing has to be escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn http(&mut self, counted: &Snapshot) {
        let name = "farmtally_http_requests_total";
        self.family(name, "counter", "Requests that were answered, by route and class of status.");
        for (route, class, count) in &counted.requests {
            self.sample(name, &[("route", route), ("status", class.as_str())], count);
        }
        self.durations(counted);
        self.single(
            "farmtally_http_connections_open",
            "gauge",
            "Connections that are open.",
            counted.connections_open,
        );
        self.single(
            "farmtally_http_connections_total",
            "counter",
            "Connections that were accepted.",
            counted.connections_total,
        );
        self.single(
            "farmtally_refused_signatures_total",
            "counter",
            "Requests without a valid signature of a working key.",
            counted.refused_signatures,
        );
        self.single(
            "farmtally_throttled_keys_total",
            "counter",
            "Requests of a key that asks too often.",
            counted.throttled_keys,
        );
    }

    fn queries(&mut self, counts: QueryCounts) {
        let name = "farmtally_queries";
        self.family(name, "gauge", "Questions about usage that are being answered, and those that wait.");
        self.sample(name, &[("state", "running")], counts.running);
        self.sample(name, &[("state", "waiting")], counts.waiting);
        self.single(
            "farmtally_queries_called_off_total",
            "counter",
            "Questions about usage whose client left or whose time was over before the answer was made.",
            counts.called_off,
        );
    }

    fn durations(&mut self, counted: &Snapshot) {
        let name = "farmtally_http_request_duration_seconds";
        self.family(name, "histogram", "From the head of a request to its answer.");
        let (bucket, durations) = (format!("{name}_bucket"), &counted.durations);
        for (bound, count) in BOUNDS_US.iter().zip(&durations.up_to) {
            self.sample(&bucket, &[("le", &Seconds(*bound).to_string())], count);
        }
        self.sample(&bucket, &[("le", "+Inf")], durations.count());
        self.sample(&format!("{name}_sum"), &[], Seconds(durations.sum_us));
        self.sample(&format!("{name}_count"), &[], durations.count());
    }

    fn service(&mut self, counts: &ServiceCounts) {
        let name = "farmtally_aggregations_total";
        self.family(name, "counter", "Aggregations of this process, by how they ended.");
        let ends = [
            ("COMPLETED", counts.aggregations_completed),
            ("FAILED", counts.aggregations_failed),
            ("TIMEOUT", counts.aggregations_timed_out),
        ];
        for (status, count) in ends {
            self.sample(name, &[("status", status)], count);
        }
        self.single(
            "farmtally_aggregations_started_total",
            "counter",
            "Aggregations that this process started.",
            counts.aggregations_started,
        );
        self.single(
            "farmtally_aggregation_seconds_total",
            "counter",
            "Time that aggregations ran.",
            Seconds(counts.aggregation_us),
        );
        let name = "farmtally_ingest_records_total";
        self.family(name, "counter", "Sessions and volumes that came in, by what became of them.");
        let outcomes = [
            ("stored", counts.records_stored),
            ("replaced", counts.records_replaced),
            ("unchanged", counts.records_unchanged),
            ("refused", counts.records_refused),
        ];
        for (outcome, count) in outcomes {
            self.sample(name, &[("outcome", outcome)], count);
        }
        self.single(
            "farmtally_ingest_batches_total",
            "counter",
            "Batches that were made durable.",
            counts.batches_stored,
        );
    }

    fn farms(&mut self, farms: &[FarmUsage]) {
        type Gauge = (&'static str, &'static str, fn(&FarmUsage) -> f64);
        #[expect(clippy::cast_precision_loss, reason = "a gauge of Prometheus is a double")]
        let gauges: [Gauge; 4] = [
            ("farmtally_store_records", "Sessions and volumes that are stored.", |farm| farm.records as f64),
            ("farmtally_usage_sessions", "Sessions of the latest thirty days.", |farm| farm.sessions as f64),
            ("farmtally_usage_hours", "Session hours of the latest thirty days.", |farm| farm.hours),
            ("farmtally_usage_cost_usd", "Cost of the latest thirty days in US dollars.", |farm| {
                farm.cost_usd
            }),
        ];
        for (name, help, value) in gauges {
            self.family(name, "gauge", help);
            for farm in farms {
                self.sample(name, &[("farm_id", &farm.farm_id)], value(farm));
            }
        }
    }
}

/// Microseconds, shown as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match micros {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{micros:06}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_shown_as_seconds() {
        for (micros, shown) in [(0, "0"), (100, "0.0001"), (2_500_000, "2.5"), (10_000_000, "10")] {
            assert_eq!(Seconds(micros).to_string(), shown);
        }
    }
}
