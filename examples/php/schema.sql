-- A shop's orders. Each attempt to pay one is in the journal, in the same database:
-- bindings/php/sql/journal-sqlite.sql creates its table. Amounts are text, as in the library: never store money
-- as a float.
CREATE TABLE IF NOT EXISTS orders (
    id       TEXT PRIMARY KEY,                  -- "INVOICE-0017"
    amount   TEXT NOT NULL,                     -- "25.50"
    currency TEXT NOT NULL CHECK (currency IN ('CDF', 'USD')),
    paid_by  TEXT,                              -- the reference of the attempt that paid it; NULL: not paid yet
    paid_at  TEXT
);
