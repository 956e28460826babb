-- Version 3: sealed segments. Which Parquet files hold the farm's sealed records, and how far sealing has come.
CREATE TABLE seals (
    farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
    sequence INTEGER NOT NULL,
    chain BLOB NOT NULL,
    segment_last INTEGER NOT NULL,
    segment_count INTEGER NOT NULL,
    segment_digest BLOB NOT NULL,
    kept_from INTEGER NOT NULL,
    carried_checksum BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;

CREATE TABLE carried (
    farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
    payload BLOB NOT NULL
) STRICT;

CREATE TABLE segments (
    farm_id BLOB NOT NULL REFERENCES farms,
    segment INTEGER NOT NULL,
    month TEXT NOT NULL,
    sequence_first INTEGER NOT NULL,
    sequence_last INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    session_count INTEGER NOT NULL,
    volume_count INTEGER NOT NULL,
    start_min INTEGER NOT NULL,
    end_max INTEGER NOT NULL,
    cost_nanos BLOB NOT NULL,
    file_bytes INTEGER NOT NULL,
    file_checksum BLOB NOT NULL,
    removed_count INTEGER NOT NULL,
    removed_digest BLOB NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (farm_id, segment)
) STRICT;

CREATE TABLE removals (
    farm_id BLOB NOT NULL REFERENCES farms,
    segment INTEGER NOT NULL,
    row INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (farm_id, segment, row)
) STRICT, WITHOUT ROWID;

CREATE TABLE retention (
    farm_id BLOB NOT NULL PRIMARY KEY REFERENCES farms,
    keep_months INTEGER NOT NULL
) STRICT;
