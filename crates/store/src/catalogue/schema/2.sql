-- Version 2: what people say about farms, queues and fleets beside what records tell, and how they belong together.
ALTER TABLE farms ADD COLUMN settings TEXT;

ALTER TABLE queues ADD COLUMN given_name TEXT;
ALTER TABLE queues ADD COLUMN description TEXT;
ALTER TABLE queues ADD COLUMN settings TEXT;
ALTER TABLE queues ADD COLUMN created_by TEXT;
ALTER TABLE queues ADD COLUMN updated_at INTEGER;
ALTER TABLE queues ADD COLUMN updated_by TEXT;

ALTER TABLE fleets ADD COLUMN given_name TEXT;
ALTER TABLE fleets ADD COLUMN description TEXT;
ALTER TABLE fleets ADD COLUMN settings TEXT;
ALTER TABLE fleets ADD COLUMN created_by TEXT;
ALTER TABLE fleets ADD COLUMN updated_at INTEGER;
ALTER TABLE fleets ADD COLUMN updated_by TEXT;

CREATE TABLE queue_fleet_associations (
    farm_id BLOB NOT NULL,
    queue_id BLOB NOT NULL,
    fleet_id BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'STOPPED')),
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER,
    updated_by TEXT,
    PRIMARY KEY (farm_id, queue_id, fleet_id),
    FOREIGN KEY (farm_id, queue_id) REFERENCES queues (farm_id, id),
    FOREIGN KEY (farm_id, fleet_id) REFERENCES fleets (farm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_fleet_associations_by_fleet ON queue_fleet_associations (farm_id, fleet_id);

CREATE TABLE tags (
    farm_id BLOB NOT NULL REFERENCES farms,
    kind TEXT NOT NULL CHECK (kind IN ('farm', 'queue', 'fleet')),
    id BLOB NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (farm_id, kind, id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_calls (
    access_key_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    token TEXT NOT NULL,
    content BLOB NOT NULL,
    resource BLOB NOT NULL,
    called_at INTEGER NOT NULL,
    PRIMARY KEY (access_key_id, operation, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_calls_by_time ON client_calls (called_at);
