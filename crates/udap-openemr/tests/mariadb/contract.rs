//! The store's contract, with every generation of OpenEMR's tables, and with an old charset.

mod columns_23 {
    use udap_testdb::{Generation, OpenEmr};

    use crate::harness::MariaDb;

    udap_store::contract_tests!(MariaDb::new(|| OpenEmr::with(Generation::Columns23)));
}

mod columns_24 {
    use udap_testdb::{Generation, OpenEmr};

    use crate::harness::MariaDb;

    udap_store::contract_tests!(MariaDb::new(|| OpenEmr::with(Generation::Columns24)));
}

mod columns_25 {
    use udap_testdb::{Generation, OpenEmr};

    use crate::harness::MariaDb;

    udap_store::contract_tests!(MariaDb::new(|| OpenEmr::with(Generation::Columns25)));
}

mod latin1 {
    use udap_testdb::{Generation, OpenEmr};

    use crate::harness::MariaDb;

    udap_store::contract_tests!(MariaDb::new(
        || OpenEmr::with(Generation::Columns25).charset("latin1")
    ));
}
