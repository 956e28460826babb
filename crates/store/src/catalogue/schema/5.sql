-- Version 5: every rate card that a farm had, bills that were spread, and budgets with what was reported of them.
CREATE TABLE rate_card_versions (
    farm_id BLOB NOT NULL REFERENCES farms,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (farm_id, version)
) STRICT;
INSERT INTO rate_card_versions (farm_id, version, text, set_at)
    SELECT farm_id, 1, text, updated_at FROM rate_cards;

CREATE TABLE spread_bills (
    farm_id BLOB NOT NULL REFERENCES farms,
    number INTEGER NOT NULL,
    fleet_id BLOB NOT NULL,
    period_start INTEGER NOT NULL,
    period_end INTEGER NOT NULL,
    bill_nanos INTEGER NOT NULL,
    session_count INTEGER NOT NULL,
    spread_at INTEGER NOT NULL,
    PRIMARY KEY (farm_id, number)
) STRICT;

CREATE TABLE budgets (
    farm_id BLOB NOT NULL REFERENCES farms,
    name TEXT NOT NULL,
    limit_nanos INTEGER NOT NULL,
    starts_at INTEGER,
    ends_at INTEGER,
    queue_id BLOB,
    user_id TEXT,
    job_name TEXT,
    thresholds TEXT NOT NULL,
    webhook_url TEXT,
    webhook_form TEXT CHECK (webhook_form IN ('JSON', 'SLACK')),
    sealed_secret BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (farm_id, name),
    CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CHECK ((webhook_url IS NULL) = (webhook_form IS NULL))
) STRICT;

CREATE TABLE budget_reports (
    farm_id BLOB NOT NULL,
    name TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    threshold INTEGER NOT NULL,
    passed_at INTEGER NOT NULL,
    reported_at INTEGER,
    PRIMARY KEY (farm_id, name, period_start, threshold),
    FOREIGN KEY (farm_id, name) REFERENCES budgets (farm_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
