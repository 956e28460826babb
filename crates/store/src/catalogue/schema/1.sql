-- Version 1: the registry, keys, aggregations with their answers, and the batches.
CREATE TABLE farms (
    farm_id BLOB NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    description TEXT,
    cost_scale_nanos INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER,
    updated_by TEXT
) STRICT;
CREATE INDEX farms_by_name ON farms (display_name);

CREATE TABLE queues (
    farm_id BLOB NOT NULL REFERENCES farms,
    id BLOB NOT NULL,
    display_name TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (farm_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE fleets (
    farm_id BLOB NOT NULL REFERENCES farms,
    id BLOB NOT NULL,
    display_name TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (farm_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    farm_id BLOB NOT NULL REFERENCES farms,
    user_id TEXT NOT NULL,
    display_name TEXT,
    PRIMARY KEY (farm_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE rate_cards (
    farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
    text TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE access_keys (
    access_key_id TEXT NOT NULL PRIMARY KEY,
    sealed_secret BLOB NOT NULL,
    role TEXT NOT NULL,
    farm_id BLOB,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

CREATE TABLE aggregations (
    aggregation_id BLOB NOT NULL PRIMARY KEY,
    farm_id BLOB NOT NULL REFERENCES farms,
    retry_key BLOB,
    status TEXT NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED', 'TIMEOUT')),
    status_message TEXT,
    started_at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    group_by TEXT NOT NULL,
    statistics TEXT NOT NULL,
    cost_scale_nanos INTEGER NOT NULL,
    row_count INTEGER,
    CHECK ((status = 'COMPLETED') = (row_count IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX one_aggregation_in_progress ON aggregations (farm_id) WHERE status = 'IN_PROGRESS';
CREATE UNIQUE INDEX one_aggregation_per_call ON aggregations (farm_id, retry_key) WHERE retry_key IS NOT NULL;
CREATE INDEX aggregations_by_start ON aggregations (started_at);

CREATE TABLE result_chunks (
    aggregation_id BLOB NOT NULL REFERENCES aggregations ON DELETE CASCADE,
    chunk INTEGER NOT NULL,
    payload BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (aggregation_id, chunk)
) STRICT;

CREATE TABLE batches (
    farm_id BLOB NOT NULL REFERENCES farms,
    sequence INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    entry_count INTEGER NOT NULL,
    previous BLOB NOT NULL,
    payload BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (farm_id, sequence)
) STRICT;

CREATE TABLE batch_heads (
    farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
    sequence INTEGER NOT NULL,
    checksum BLOB NOT NULL
) STRICT;

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
