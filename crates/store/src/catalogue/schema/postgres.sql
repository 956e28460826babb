-- The catalogue in PostgreSQL: version 6 of the folder's tables, and behind them what only servers that share it need.
-- Texts are ordered by their bytes, as in a folder.
CREATE TABLE catalogue_format (version BIGINT NOT NULL, oldest BIGINT NOT NULL DEFAULT 6);

CREATE TABLE farms (
    farm_id BYTEA NOT NULL PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    description TEXT,
    cost_scale_nanos BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT,
    updated_by TEXT,
    settings TEXT
);
CREATE INDEX farms_by_name ON farms (display_name);

CREATE TABLE queues (
    farm_id BYTEA NOT NULL REFERENCES farms,
    id BYTEA NOT NULL,
    display_name TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    given_name TEXT COLLATE "C",
    description TEXT,
    settings TEXT,
    created_by TEXT,
    updated_at BIGINT,
    updated_by TEXT,
    PRIMARY KEY (farm_id, id)
);

CREATE TABLE fleets (
    farm_id BYTEA NOT NULL REFERENCES farms,
    id BYTEA NOT NULL,
    display_name TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    given_name TEXT COLLATE "C",
    description TEXT,
    settings TEXT,
    created_by TEXT,
    updated_at BIGINT,
    updated_by TEXT,
    PRIMARY KEY (farm_id, id)
);

CREATE TABLE users (
    farm_id BYTEA NOT NULL REFERENCES farms,
    user_id TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C",
    PRIMARY KEY (farm_id, user_id)
);

CREATE TABLE rate_cards (
    farm_id BYTEA NOT NULL PRIMARY KEY REFERENCES farms,
    text TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE rate_card_versions (
    farm_id BYTEA NOT NULL REFERENCES farms,
    version BIGINT NOT NULL,
    text TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (farm_id, version)
);

CREATE TABLE access_keys (
    access_key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed_secret BYTEA NOT NULL,
    role TEXT NOT NULL,
    farm_id BYTEA,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE aggregations (
    aggregation_id BYTEA NOT NULL PRIMARY KEY,
    farm_id BYTEA NOT NULL REFERENCES farms,
    retry_key BYTEA,
    status TEXT NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED', 'TIMEOUT')),
    status_message TEXT,
    started_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    group_by TEXT NOT NULL,
    statistics TEXT NOT NULL,
    cost_scale_nanos BIGINT NOT NULL,
    row_count BIGINT,
    answer_checksum BYTEA,
    CHECK ((status = 'COMPLETED') = (row_count IS NOT NULL))
);
CREATE UNIQUE INDEX one_aggregation_in_progress ON aggregations (farm_id) WHERE status = 'IN_PROGRESS';
CREATE UNIQUE INDEX one_aggregation_per_call ON aggregations (farm_id, retry_key) WHERE retry_key IS NOT NULL;
CREATE INDEX aggregations_by_start ON aggregations (started_at);

CREATE TABLE batches (
    farm_id BYTEA NOT NULL REFERENCES farms,
    sequence BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    entry_count BIGINT NOT NULL,
    previous BYTEA NOT NULL,
    payload BYTEA NOT NULL,
    checksum BYTEA NOT NULL,
    PRIMARY KEY (farm_id, sequence)
);
-- Payloads are compressed already.
ALTER TABLE batches ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE batch_heads (
    farm_id BYTEA NOT NULL PRIMARY KEY REFERENCES farms,
    sequence BIGINT NOT NULL,
    checksum BYTEA NOT NULL
);

CREATE TABLE settings (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE queue_fleet_associations (
    farm_id BYTEA NOT NULL,
    queue_id BYTEA NOT NULL,
    fleet_id BYTEA NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'STOPPED')),
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT,
    updated_by TEXT,
    PRIMARY KEY (farm_id, queue_id, fleet_id),
    FOREIGN KEY (farm_id, queue_id) REFERENCES queues (farm_id, id),
    FOREIGN KEY (farm_id, fleet_id) REFERENCES fleets (farm_id, id)
);
CREATE INDEX queue_fleet_associations_by_fleet ON queue_fleet_associations (farm_id, fleet_id);

CREATE TABLE tags (
    farm_id BYTEA NOT NULL REFERENCES farms,
    kind TEXT NOT NULL CHECK (kind IN ('farm', 'queue', 'fleet')),
    id BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (farm_id, kind, id, key)
);

CREATE TABLE client_calls (
    access_key_id TEXT COLLATE "C" NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    resource BYTEA NOT NULL,
    called_at BIGINT NOT NULL,
    PRIMARY KEY (access_key_id, operation, token)
);
CREATE INDEX client_calls_by_time ON client_calls (called_at);

CREATE TABLE seals (
    farm_id BYTEA NOT NULL PRIMARY KEY REFERENCES farms,
    sequence BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    segment_last BIGINT NOT NULL,
    segment_count BIGINT NOT NULL,
    segment_digest BYTEA NOT NULL,
    kept_from BIGINT NOT NULL,
    carried_checksum BYTEA NOT NULL,
    checksum BYTEA NOT NULL
);

CREATE TABLE carried (
    farm_id BYTEA NOT NULL PRIMARY KEY REFERENCES farms,
    payload BYTEA NOT NULL
);

CREATE TABLE segments (
    farm_id BYTEA NOT NULL REFERENCES farms,
    segment BIGINT NOT NULL,
    month TEXT NOT NULL,
    sequence_first BIGINT NOT NULL,
    sequence_last BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    session_count BIGINT NOT NULL,
    volume_count BIGINT NOT NULL,
    start_min BIGINT NOT NULL,
    end_max BIGINT NOT NULL,
    cost_nanos BYTEA NOT NULL,
    file_bytes BIGINT NOT NULL,
    file_checksum BYTEA NOT NULL,
    removed_count BIGINT NOT NULL,
    removed_digest BYTEA NOT NULL,
    checksum BYTEA NOT NULL,
    PRIMARY KEY (farm_id, segment)
);

CREATE TABLE removals (
    farm_id BYTEA NOT NULL REFERENCES farms,
    segment BIGINT NOT NULL,
    row BIGINT NOT NULL,
    record BYTEA NOT NULL,
    PRIMARY KEY (farm_id, segment, row)
);

CREATE TABLE retention (
    farm_id BYTEA NOT NULL PRIMARY KEY REFERENCES farms,
    keep_months BIGINT NOT NULL
);

CREATE TABLE spread_bills (
    farm_id BYTEA NOT NULL REFERENCES farms,
    number BIGINT NOT NULL,
    fleet_id BYTEA NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    bill_nanos BIGINT NOT NULL,
    session_count BIGINT NOT NULL,
    spread_at BIGINT NOT NULL,
    PRIMARY KEY (farm_id, number)
);

CREATE TABLE budgets (
    farm_id BYTEA NOT NULL REFERENCES farms,
    name TEXT COLLATE "C" NOT NULL,
    limit_nanos BIGINT NOT NULL,
    starts_at BIGINT,
    ends_at BIGINT,
    queue_id BYTEA,
    user_id TEXT,
    job_name TEXT,
    thresholds TEXT NOT NULL,
    webhook_url TEXT,
    webhook_form TEXT CHECK (webhook_form IN ('JSON', 'SLACK')),
    sealed_secret BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (farm_id, name),
    CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CHECK ((webhook_url IS NULL) = (webhook_form IS NULL))
);

CREATE TABLE budget_reports (
    farm_id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    threshold BIGINT NOT NULL,
    passed_at BIGINT NOT NULL,
    reported_at BIGINT,
    PRIMARY KEY (farm_id, name, period_start, threshold),
    FOREIGN KEY (farm_id, name) REFERENCES budgets (farm_id, name) ON DELETE CASCADE
);

-- Servers, and until when each is believed to live, by the clock of this database in milliseconds.
CREATE TABLE nodes (
    node_id BYTEA NOT NULL PRIMARY KEY,
    lives_until BIGINT NOT NULL,
    format BIGINT NOT NULL DEFAULT 6
);

CREATE TABLE aggregation_owners (
    aggregation_id BYTEA NOT NULL PRIMARY KEY REFERENCES aggregations ON DELETE CASCADE,
    node_id BYTEA NOT NULL
);

-- One row per farm: the lock of everything that changes its records, the revision of its names, and who seals it.
CREATE TABLE farm_states (
    farm_id BYTEA NOT NULL PRIMARY KEY REFERENCES farms ON DELETE CASCADE,
    names_revision BIGINT NOT NULL DEFAULT 0,
    sealer BYTEA,
    sealer_until BIGINT NOT NULL DEFAULT 0,
    seal_epoch BIGINT NOT NULL DEFAULT 0,
    segment_last BIGINT NOT NULL DEFAULT 0
);

-- Files of segments that no manifest names: they are being written, or were replaced a while ago.
CREATE TABLE unnamed_segments (
    farm_id BYTEA NOT NULL REFERENCES farms ON DELETE CASCADE,
    segment BIGINT NOT NULL,
    month TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (farm_id, segment)
);
