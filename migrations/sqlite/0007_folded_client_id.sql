-- Whether a client_id is one of ours, asked as OpenEMR's collation compares: without letter case
-- (decisions 28).
ALTER TABLE registration
    ADD COLUMN client_id_folded TEXT GENERATED ALWAYS AS (lower(client_id)) VIRTUAL;
CREATE INDEX registration_client_folded ON registration (client_id_folded);
