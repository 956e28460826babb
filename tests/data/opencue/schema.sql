-- The tables of OpenCue that its history is read from, rebuilt from the list of their columns: keys are UUIDs as text, times
-- are seconds since 1970 and 0 is none, cores are hundredths. The keys between the tables and the trigger are there because
-- they decide what is left when a job is purged or a frame is not launched.

CREATE TABLE config (
    pk_config VARCHAR(36) PRIMARY KEY,
    str_key VARCHAR(36) NOT NULL
);

CREATE TABLE facility (
    pk_facility VARCHAR(36) PRIMARY KEY,
    str_name VARCHAR(36) NOT NULL
);

CREATE TABLE dept (
    pk_dept VARCHAR(36) PRIMARY KEY,
    str_name VARCHAR(36) NOT NULL
);

CREATE TABLE show (
    pk_show VARCHAR(36) PRIMARY KEY,
    str_name VARCHAR(512) NOT NULL
);

CREATE TABLE alloc (
    pk_alloc VARCHAR(36) PRIMARY KEY,
    str_name VARCHAR(36) NOT NULL,
    str_tag VARCHAR(24),
    b_billable BOOLEAN NOT NULL DEFAULT true,
    pk_facility VARCHAR(36) NOT NULL REFERENCES facility
);

CREATE TABLE host (
    pk_host VARCHAR(36) PRIMARY KEY,
    pk_alloc VARCHAR(36) NOT NULL REFERENCES alloc,
    str_name VARCHAR(45) NOT NULL UNIQUE,
    int_cores BIGINT NOT NULL DEFAULT 0,
    int_mem BIGINT NOT NULL DEFAULT 0,
    str_tags VARCHAR(128)
);

CREATE TABLE job_history (
    pk_job VARCHAR(36) PRIMARY KEY,
    pk_show VARCHAR(36) NOT NULL REFERENCES show,
    str_name VARCHAR(512) NOT NULL,
    str_shot VARCHAR(64) NOT NULL,
    str_user VARCHAR(36) NOT NULL,
    int_core_time_success BIGINT NOT NULL DEFAULT 0,
    int_core_time_fail BIGINT NOT NULL DEFAULT 0,
    int_frame_count BIGINT NOT NULL DEFAULT 0,
    int_layer_count BIGINT NOT NULL DEFAULT 0,
    int_waiting_count BIGINT NOT NULL DEFAULT 0,
    int_dead_count BIGINT NOT NULL DEFAULT 0,
    int_depend_count BIGINT NOT NULL DEFAULT 0,
    int_eaten_count BIGINT NOT NULL DEFAULT 0,
    int_succeeded_count BIGINT NOT NULL DEFAULT 0,
    int_running_count BIGINT NOT NULL DEFAULT 0,
    int_max_rss BIGINT NOT NULL DEFAULT 0,
    b_archived BOOLEAN NOT NULL DEFAULT false,
    pk_facility VARCHAR(36) NOT NULL REFERENCES facility,
    pk_dept VARCHAR(36) NOT NULL REFERENCES dept,
    int_ts_started INT NOT NULL,
    int_ts_stopped INT NOT NULL DEFAULT 0,
    dt_last_modified DATE NOT NULL DEFAULT current_date,
    int_gpu_time_success BIGINT NOT NULL DEFAULT 0,
    int_gpu_time_fail BIGINT NOT NULL DEFAULT 0,
    int_gpu_mem_max BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE layer_history (
    pk_layer VARCHAR(36) PRIMARY KEY,
    pk_job VARCHAR(36) NOT NULL REFERENCES job_history ON DELETE CASCADE,
    str_name VARCHAR(512) NOT NULL,
    str_type VARCHAR(16) NOT NULL,
    int_cores_min BIGINT NOT NULL DEFAULT 100,
    int_mem_min BIGINT NOT NULL DEFAULT 4194304,
    int_core_time_success BIGINT NOT NULL DEFAULT 0,
    int_core_time_fail BIGINT NOT NULL DEFAULT 0,
    int_frame_count BIGINT NOT NULL DEFAULT 0,
    int_layer_count BIGINT NOT NULL DEFAULT 0,
    int_waiting_count BIGINT NOT NULL DEFAULT 0,
    int_dead_count BIGINT NOT NULL DEFAULT 0,
    int_depend_count BIGINT NOT NULL DEFAULT 0,
    int_eaten_count BIGINT NOT NULL DEFAULT 0,
    int_succeeded_count BIGINT NOT NULL DEFAULT 0,
    int_running_count BIGINT NOT NULL DEFAULT 0,
    int_max_rss BIGINT NOT NULL DEFAULT 0,
    b_archived BOOLEAN NOT NULL DEFAULT false,
    dt_last_modified DATE NOT NULL DEFAULT current_date,
    str_services VARCHAR(128),
    int_gpus_min INT NOT NULL DEFAULT 0,
    int_gpu_time_success BIGINT NOT NULL DEFAULT 0,
    int_gpu_time_fail BIGINT NOT NULL DEFAULT 0,
    int_gpu_mem_min BIGINT NOT NULL DEFAULT 0,
    int_gpu_mem_max BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE frame_history (
    pk_frame_history VARCHAR(36) PRIMARY KEY DEFAULT gen_random_uuid()::text,
    pk_frame VARCHAR(36) NOT NULL,
    pk_layer VARCHAR(36) NOT NULL REFERENCES layer_history ON DELETE CASCADE,
    pk_job VARCHAR(36) NOT NULL REFERENCES job_history ON DELETE CASCADE,
    str_name VARCHAR(256) NOT NULL,
    str_state VARCHAR(24) NOT NULL,
    int_mem_reserved BIGINT NOT NULL DEFAULT 0,
    int_mem_max_used BIGINT NOT NULL DEFAULT 0,
    int_cores INT NOT NULL DEFAULT 100,
    str_host VARCHAR(64),
    int_exit_status SMALLINT NOT NULL DEFAULT -1,
    pk_alloc VARCHAR(36) REFERENCES alloc,
    int_ts_started INT NOT NULL,
    int_ts_stopped INT NOT NULL DEFAULT 0,
    int_checkpoint_count INT NOT NULL DEFAULT 0,
    dt_last_modified DATE NOT NULL DEFAULT current_date,
    int_gpus INT NOT NULL DEFAULT 0,
    int_gpu_mem_reserved BIGINT NOT NULL DEFAULT 0,
    int_gpu_mem_max_used BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX i_frame_history_int_ts_stopped ON frame_history (int_ts_stopped);

-- Frames as they are now, of which the history is written: as much of them as the trigger asks for.
CREATE TABLE frame (
    pk_frame VARCHAR(36) PRIMARY KEY,
    pk_layer VARCHAR(36) NOT NULL,
    pk_job VARCHAR(36) NOT NULL,
    str_name VARCHAR(256) NOT NULL,
    str_state VARCHAR(24) NOT NULL,
    str_host VARCHAR(64),
    int_cores INT NOT NULL DEFAULT 0,
    int_gpus INT NOT NULL DEFAULT 0,
    int_exit_status INT NOT NULL DEFAULT -1
);

-- Opens a run when a frame begins to run, closes it when it stops, and removes it when it could not be launched. The state of
-- a run is never changed.
CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    instant INT := extract(epoch FROM current_timestamp)::int;
BEGIN
    IF EXISTS (SELECT FROM config WHERE str_key = 'DISABLE_HISTORY') THEN
        RETURN NULL;
    END IF;
    IF OLD.str_state = 'RUNNING' AND NEW.int_exit_status = 299 THEN
        DELETE FROM frame_history WHERE pk_frame = NEW.pk_frame AND int_ts_stopped = 0;
    ELSIF OLD.str_state = 'RUNNING' THEN
        UPDATE frame_history
        SET int_ts_stopped = instant, int_exit_status = NEW.int_exit_status,
            int_checkpoint_count = CASE WHEN NEW.str_state = 'CHECKPOINT' THEN 1 ELSE 0 END
        WHERE pk_frame = NEW.pk_frame AND int_ts_stopped = 0;
    END IF;
    IF NEW.str_state = 'RUNNING' THEN
        INSERT INTO frame_history
            (pk_frame, pk_layer, pk_job, str_name, str_state, int_cores, int_gpus, str_host, int_ts_started, pk_alloc)
        VALUES (NEW.pk_frame, NEW.pk_layer, NEW.pk_job, NEW.str_name, 'RUNNING', NEW.int_cores, NEW.int_gpus, NEW.str_host,
                instant, (SELECT pk_alloc FROM host WHERE str_name = NEW.str_host));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER keep_history AFTER UPDATE ON frame FOR EACH ROW
WHEN (NEW.str_state <> OLD.str_state) EXECUTE FUNCTION keep_history();
