-- Version 8: what an aggregation asks beside its grouping and statistics, so that a later process can answer it when the one that
-- was asked has ended.
CREATE TABLE aggregation_questions (
    aggregation_id BLOB NOT NULL PRIMARY KEY REFERENCES aggregations ON DELETE CASCADE,
    resource_kind TEXT NOT NULL CHECK (resource_kind IN ('QUEUES', 'FLEETS')),
    resource_ids BLOB NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    utc_offset TEXT NOT NULL,
    period TEXT,
    resumed_count INTEGER NOT NULL DEFAULT 0
) STRICT;
