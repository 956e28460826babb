SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.access_keys (
    access_key_id text NOT NULL COLLATE pg_catalog."C",
    sealed_secret bytea NOT NULL,
    role text NOT NULL,
    farm_id bytea,
    created_at bigint NOT NULL,
    disabled_at bigint
);
CREATE TABLE public.aggregation_owners (
    aggregation_id bytea NOT NULL,
    node_id bytea NOT NULL
);
CREATE TABLE public.aggregations (
    aggregation_id bytea NOT NULL,
    farm_id bytea NOT NULL,
    retry_key bytea,
    status text NOT NULL,
    status_message text,
    started_at bigint NOT NULL,
    deadline bigint NOT NULL,
    group_by text NOT NULL,
    statistics text NOT NULL,
    cost_scale_nanos bigint NOT NULL,
    row_count bigint,
    answer_checksum bytea,
    CONSTRAINT aggregations_check CHECK (((status = 'COMPLETED'::text) = (row_count IS NOT NULL))),
    CONSTRAINT aggregations_status_check CHECK ((status = ANY (ARRAY['IN_PROGRESS'::text, 'COMPLETED'::text, 'FAILED'::text, 'TIMEOUT'::text])))
);
CREATE TABLE public.batch_heads (
    farm_id bytea NOT NULL,
    sequence bigint NOT NULL,
    checksum bytea NOT NULL
);
CREATE TABLE public.batches (
    farm_id bytea NOT NULL,
    sequence bigint NOT NULL,
    received_at bigint NOT NULL,
    entry_count bigint NOT NULL,
    previous bytea NOT NULL,
    payload bytea NOT NULL,
    checksum bytea NOT NULL
);
ALTER TABLE ONLY public.batches ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE TABLE public.budget_reports (
    farm_id bytea NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    period_start bigint NOT NULL,
    threshold bigint NOT NULL,
    passed_at bigint NOT NULL,
    reported_at bigint
);
CREATE TABLE public.budgets (
    farm_id bytea NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    limit_nanos bigint NOT NULL,
    starts_at bigint,
    ends_at bigint,
    queue_id bytea,
    user_id text,
    job_name text,
    thresholds text NOT NULL,
    webhook_url text,
    webhook_form text,
    sealed_secret bytea,
    created_at bigint NOT NULL,
    CONSTRAINT budgets_check CHECK (((starts_at IS NULL) = (ends_at IS NULL))),
    CONSTRAINT budgets_check1 CHECK (((webhook_url IS NULL) = (webhook_form IS NULL))),
    CONSTRAINT budgets_webhook_form_check CHECK ((webhook_form = ANY (ARRAY['JSON'::text, 'SLACK'::text])))
);
CREATE TABLE public.carried (
    farm_id bytea NOT NULL,
    payload bytea NOT NULL
);
CREATE TABLE public.catalogue_format (
    version bigint NOT NULL
);
CREATE TABLE public.client_calls (
    access_key_id text NOT NULL COLLATE pg_catalog."C",
    operation text NOT NULL COLLATE pg_catalog."C",
    token text NOT NULL COLLATE pg_catalog."C",
    content bytea NOT NULL,
    resource bytea NOT NULL,
    called_at bigint NOT NULL
);
CREATE TABLE public.farm_states (
    farm_id bytea NOT NULL,
    names_revision bigint DEFAULT 0 NOT NULL,
    sealer bytea,
    sealer_until bigint DEFAULT 0 NOT NULL,
    seal_epoch bigint DEFAULT 0 NOT NULL,
    segment_last bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.farms (
    farm_id bytea NOT NULL,
    display_name text NOT NULL COLLATE pg_catalog."C",
    description text,
    cost_scale_nanos bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    updated_at bigint,
    updated_by text,
    settings text
);
CREATE TABLE public.fleets (
    farm_id bytea NOT NULL,
    id bytea NOT NULL,
    display_name text COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    given_name text COLLATE pg_catalog."C",
    description text,
    settings text,
    created_by text,
    updated_at bigint,
    updated_by text
);
CREATE TABLE public.nodes (
    node_id bytea NOT NULL,
    lives_until bigint NOT NULL
);
CREATE TABLE public.queue_fleet_associations (
    farm_id bytea NOT NULL,
    queue_id bytea NOT NULL,
    fleet_id bytea NOT NULL,
    status text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    updated_at bigint,
    updated_by text,
    CONSTRAINT queue_fleet_associations_status_check CHECK ((status = ANY (ARRAY['ACTIVE'::text, 'STOPPED'::text])))
);
CREATE TABLE public.queues (
    farm_id bytea NOT NULL,
    id bytea NOT NULL,
    display_name text COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    given_name text COLLATE pg_catalog."C",
    description text,
    settings text,
    created_by text,
    updated_at bigint,
    updated_by text
);
CREATE TABLE public.rate_card_versions (
    farm_id bytea NOT NULL,
    version bigint NOT NULL,
    text text NOT NULL,
    set_at bigint NOT NULL
);
CREATE TABLE public.rate_cards (
    farm_id bytea NOT NULL,
    text text NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE public.removals (
    farm_id bytea NOT NULL,
    segment bigint NOT NULL,
    "row" bigint NOT NULL,
    record bytea NOT NULL
);
CREATE TABLE public.retention (
    farm_id bytea NOT NULL,
    keep_months bigint NOT NULL
);
CREATE TABLE public.seals (
    farm_id bytea NOT NULL,
    sequence bigint NOT NULL,
    chain bytea NOT NULL,
    segment_last bigint NOT NULL,
    segment_count bigint NOT NULL,
    segment_digest bytea NOT NULL,
    kept_from bigint NOT NULL,
    carried_checksum bytea NOT NULL,
    checksum bytea NOT NULL
);
CREATE TABLE public.segments (
    farm_id bytea NOT NULL,
    segment bigint NOT NULL,
    month text NOT NULL,
    sequence_first bigint NOT NULL,
    sequence_last bigint NOT NULL,
    row_count bigint NOT NULL,
    session_count bigint NOT NULL,
    volume_count bigint NOT NULL,
    start_min bigint NOT NULL,
    end_max bigint NOT NULL,
    cost_nanos bytea NOT NULL,
    file_bytes bigint NOT NULL,
    file_checksum bytea NOT NULL,
    removed_count bigint NOT NULL,
    removed_digest bytea NOT NULL,
    checksum bytea NOT NULL
);
CREATE TABLE public.settings (
    name text NOT NULL COLLATE pg_catalog."C",
    value bytea NOT NULL
);
CREATE TABLE public.spread_bills (
    farm_id bytea NOT NULL,
    number bigint NOT NULL,
    fleet_id bytea NOT NULL,
    period_start bigint NOT NULL,
    period_end bigint NOT NULL,
    bill_nanos bigint NOT NULL,
    session_count bigint NOT NULL,
    spread_at bigint NOT NULL
);
CREATE TABLE public.tags (
    farm_id bytea NOT NULL,
    kind text NOT NULL,
    id bytea NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL,
    CONSTRAINT tags_kind_check CHECK ((kind = ANY (ARRAY['farm'::text, 'queue'::text, 'fleet'::text])))
);
CREATE TABLE public.unnamed_segments (
    farm_id bytea NOT NULL,
    segment bigint NOT NULL,
    month text NOT NULL,
    since bigint NOT NULL
);
CREATE TABLE public.users (
    farm_id bytea NOT NULL,
    user_id text NOT NULL COLLATE pg_catalog."C",
    display_name text COLLATE pg_catalog."C"
);
INSERT INTO public.access_keys VALUES ('FTALSAMPLE', '\x010203', 'reader', '\x01010101010101010101010101010101', 1764000000000, 1764000000001);
INSERT INTO public.batch_heads VALUES ('\x01010101010101010101010101010101', 5, '\x80141ac781e4384a07fc507bf6713b08');
INSERT INTO public.batches VALUES ('\x01010101010101010101010101010101', 3, 1764000000000, 1, '\x864a5dcb5d02f39b06e604fd160c3b8f', '\x28b52ffd207a550200f403000103000901000105736830303106757365722031000000d00f01a01f0002000008010661726e6f6c640200049f48c161d54e3cdcc85df616089ae5db01090410009d74b7c33211', '\xd9eeaf619c8917f9e7d6b53d4bd35af0');
INSERT INTO public.batches VALUES ('\x01010101010101010101010101010101', 4, 1764000000000, 1, '\xd9eeaf619c8917f9e7d6b53d4bd35af0', '\x28b52ffd20869d0200a404000100040100010573683030310675736572203100010b6336692e38786c6172676500d00f01a01f010200009003010661726e6f6c640200c8013a46e24547c5983c8adc2feef77a48290414000c72f110', '\xff797348f347130c56f000420bf1d4fe');
INSERT INTO public.batches VALUES ('\x01010101010101010101010101010101', 5, 1764000000000, 1, '\xff797348f347130c56f000420bf1d4fe', '\x28b52ffd20156500003000010200030001001d2002', '\x80141ac781e4384a07fc507bf6713b08');
INSERT INTO public.carried VALUES ('\x01010101010101010101010101010101', '\x28b52ffd20761d0200a4030001000502010205736830303206757365722032000000d00f000002000005010661726e6f6c6402000219e880ec10590de3e73e548ff43f0cde0414000c72f110');
INSERT INTO public.catalogue_format VALUES (6);
INSERT INTO public.farms VALUES ('\x01010101010101010101010101010101', 'feature film', NULL, 1500000000, 1764000000000, 'maria', 1764000000000, 'otto', NULL);
INSERT INTO public.fleets VALUES ('\x01010101010101010101010101010101', '\x00000000000000000000000000000000', NULL, 1764000000000, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.fleets VALUES ('\x01010101010101010101010101010101', '\x01010101010101010101010101010101', NULL, 1764000000000, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.fleets VALUES ('\x01010101010101010101010101010101', '\x02020202020202020202020202020202', NULL, 1764000000000, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.queues VALUES ('\x01010101010101010101010101010101', '\x01010101010101010101010101010101', 'comp', 1764000000000, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.queues VALUES ('\x01010101010101010101010101010101', '\x02020202020202020202020202020202', NULL, 1764000000000, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.rate_card_versions VALUES ('\x01010101010101010101010101010101', 1, 'an older rate card', 1763999999999);
INSERT INTO public.rate_card_versions VALUES ('\x01010101010101010101010101010101', 2, 'a rate card', 1764000000000);
INSERT INTO public.rate_cards VALUES ('\x01010101010101010101010101010101', 'a rate card', 1764000000000);
INSERT INTO public.removals VALUES ('\x01010101010101010101010101010101', 1, 6, '\x28b52ffd2078bd0100d4020001000301000105736830303106757365722031000000d00f01a01f0002000003010661726e6f6c64020001000514000cfe63cd0d');
INSERT INTO public.removals VALUES ('\x01010101010101010101010101010101', 1, 8, '\x28b52ffd20841d02009403000100040100010573683030310675736572203100010b6336692e38786c6172676500d00f01a01f0002000004010661726e6f6c64020002000514000c024ce021');
INSERT INTO public.removals VALUES ('\x01010101010101010101010101010101', 1, 16, '\x28b52ffd2078bd0100d4020001000901000105736830303106757365722031000000d00f01a01f0002000009010661726e6f6c64020004000514000cfe63cd0d');
INSERT INTO public.seals VALUES ('\x01010101010101010101010101010101', 2, '\x864a5dcb5d02f39b06e604fd160c3b8f', 1, 1, '\x2218d35ad2bfcdc803539a2149aa90c1', 0, '\xa8759266f67d53259526aeaf094120f6', '\xf3dbcf188690e8d0791104687727230d');
INSERT INTO public.segments VALUES ('\x01010101010101010101010101010101', 1, '1970-01', 1, 2, 19, 9, 1, 1000, 2000, '\x0000000000000000000000000000003f', 3398, '\x419c5267a045feffbbbaacdcda8fbd1e', 3, '\xbe19f108f8620a8b2f9ecc089eeda589', '\x2218d35ad2bfcdc803539a2149aa90c1');
INSERT INTO public.settings VALUES ('master-key-check', '\xf68126c1619a13933d45961a1c71739c79833479288b4981a3b15cc2c719a2f5');
INSERT INTO public.settings VALUES ('store-id', '\x6436626130343436326434643931653564303139333137396564633239613465');
INSERT INTO public.settings VALUES ('word', '\x76616c7565');
INSERT INTO public.users VALUES ('\x01010101010101010101010101010101', 'user 1', 'comp');
INSERT INTO public.users VALUES ('\x01010101010101010101010101010101', 'user 2', NULL);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_pkey PRIMARY KEY (access_key_id);
ALTER TABLE ONLY public.aggregation_owners
    ADD CONSTRAINT aggregation_owners_pkey PRIMARY KEY (aggregation_id);
ALTER TABLE ONLY public.aggregations
    ADD CONSTRAINT aggregations_pkey PRIMARY KEY (aggregation_id);
ALTER TABLE ONLY public.batch_heads
    ADD CONSTRAINT batch_heads_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (farm_id, sequence);
ALTER TABLE ONLY public.budget_reports
    ADD CONSTRAINT budget_reports_pkey PRIMARY KEY (farm_id, name, period_start, threshold);
ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (farm_id, name);
ALTER TABLE ONLY public.carried
    ADD CONSTRAINT carried_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.client_calls
    ADD CONSTRAINT client_calls_pkey PRIMARY KEY (access_key_id, operation, token);
ALTER TABLE ONLY public.farm_states
    ADD CONSTRAINT farm_states_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.farms
    ADD CONSTRAINT farms_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.fleets
    ADD CONSTRAINT fleets_pkey PRIMARY KEY (farm_id, id);
ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (node_id);
ALTER TABLE ONLY public.queue_fleet_associations
    ADD CONSTRAINT queue_fleet_associations_pkey PRIMARY KEY (farm_id, queue_id, fleet_id);
ALTER TABLE ONLY public.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (farm_id, id);
ALTER TABLE ONLY public.rate_card_versions
    ADD CONSTRAINT rate_card_versions_pkey PRIMARY KEY (farm_id, version);
ALTER TABLE ONLY public.rate_cards
    ADD CONSTRAINT rate_cards_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.removals
    ADD CONSTRAINT removals_pkey PRIMARY KEY (farm_id, segment, "row");
ALTER TABLE ONLY public.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.seals
    ADD CONSTRAINT seals_pkey PRIMARY KEY (farm_id);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (farm_id, segment);
ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.spread_bills
    ADD CONSTRAINT spread_bills_pkey PRIMARY KEY (farm_id, number);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (farm_id, kind, id, key);
ALTER TABLE ONLY public.unnamed_segments
    ADD CONSTRAINT unnamed_segments_pkey PRIMARY KEY (farm_id, segment);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (farm_id, user_id);
CREATE INDEX aggregations_by_start ON public.aggregations USING btree (started_at);
CREATE INDEX client_calls_by_time ON public.client_calls USING btree (called_at);
CREATE INDEX farms_by_name ON public.farms USING btree (display_name);
CREATE UNIQUE INDEX one_aggregation_in_progress ON public.aggregations USING btree (farm_id) WHERE (status = 'IN_PROGRESS'::text);
CREATE UNIQUE INDEX one_aggregation_per_call ON public.aggregations USING btree (farm_id, retry_key) WHERE (retry_key IS NOT NULL);
CREATE INDEX queue_fleet_associations_by_fleet ON public.queue_fleet_associations USING btree (farm_id, fleet_id);
ALTER TABLE ONLY public.aggregation_owners
    ADD CONSTRAINT aggregation_owners_aggregation_id_fkey FOREIGN KEY (aggregation_id) REFERENCES public.aggregations(aggregation_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.aggregations
    ADD CONSTRAINT aggregations_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.batch_heads
    ADD CONSTRAINT batch_heads_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.budget_reports
    ADD CONSTRAINT budget_reports_farm_id_name_fkey FOREIGN KEY (farm_id, name) REFERENCES public.budgets(farm_id, name) ON DELETE CASCADE;
ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT budgets_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.carried
    ADD CONSTRAINT carried_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.farm_states
    ADD CONSTRAINT farm_states_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.fleets
    ADD CONSTRAINT fleets_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.queue_fleet_associations
    ADD CONSTRAINT queue_fleet_associations_farm_id_fleet_id_fkey FOREIGN KEY (farm_id, fleet_id) REFERENCES public.fleets(farm_id, id);
ALTER TABLE ONLY public.queue_fleet_associations
    ADD CONSTRAINT queue_fleet_associations_farm_id_queue_id_fkey FOREIGN KEY (farm_id, queue_id) REFERENCES public.queues(farm_id, id);
ALTER TABLE ONLY public.queues
    ADD CONSTRAINT queues_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.rate_card_versions
    ADD CONSTRAINT rate_card_versions_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.rate_cards
    ADD CONSTRAINT rate_cards_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.removals
    ADD CONSTRAINT removals_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.retention
    ADD CONSTRAINT retention_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.seals
    ADD CONSTRAINT seals_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.spread_bills
    ADD CONSTRAINT spread_bills_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
ALTER TABLE ONLY public.unnamed_segments
    ADD CONSTRAINT unnamed_segments_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_farm_id_fkey FOREIGN KEY (farm_id) REFERENCES public.farms(farm_id);
