-- Whether a client_id is one of ours, asked as OpenEMR's collation compares: without letter case
-- (decisions 28).
ALTER TABLE registration
    ADD COLUMN client_id_folded VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin
        GENERATED ALWAYS AS (LOWER(client_id)) STORED,
    ADD KEY registration_client_folded (client_id_folded);
