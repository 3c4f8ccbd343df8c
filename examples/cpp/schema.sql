-- A shop's orders, and every attempt to pay one. Amounts are text, as in the library: never store money
-- as a float.
CREATE TABLE IF NOT EXISTS orders (
    id       TEXT PRIMARY KEY,                  -- "INVOICE-0017"
    amount   TEXT NOT NULL,                     -- "25.50"
    currency TEXT NOT NULL CHECK (currency IN ('CDF', 'USD')),
    paid_by  TEXT REFERENCES attempts,          -- the attempt that paid it; NULL: not paid yet
    paid_at  TEXT
);

CREATE TABLE IF NOT EXISTS attempts (
    reference    TEXT PRIMARY KEY,              -- "INVOICE-0017-2": the gateway accepts each once
    order_id     TEXT NOT NULL REFERENCES orders,
    created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    kind         TEXT NOT NULL CHECK (kind IN ('CARD', 'MOBILE')), -- the library's kinds of payment
    order_number TEXT UNIQUE,                   -- the gateway's number; NULL until known
    page_url     TEXT,                          -- where the customer pays by card
    state        TEXT NOT NULL DEFAULT 'PENDING' -- the library's state names
        CHECK (state IN ('UNKNOWN', 'PENDING', 'FAILED', 'CANCELLED', 'PAID', 'REFUNDING', 'REFUNDED')),
    error        TEXT                           -- the library's message, if the request failed
);

-- An order has at most one open attempt: of two clicks, or of a reload, only one succeeds.
CREATE UNIQUE INDEX IF NOT EXISTS one_open_attempt ON attempts (order_id) WHERE state IN ('UNKNOWN', 'PENDING');
