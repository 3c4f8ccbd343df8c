-- A shop's orders, and every attempt to have one paid. Amounts are text, as the library takes and gives
-- them: money is no float.
CREATE TABLE IF NOT EXISTS orders (
    id       TEXT PRIMARY KEY,                  -- "INVOICE-0017"
    amount   TEXT NOT NULL,                     -- "25.50"
    currency TEXT NOT NULL CHECK (currency IN ('CDF', 'USD')),
    paid_by  TEXT REFERENCES attempts,          -- the attempt that paid it; NULL: nobody paid yet
    paid_at  TEXT
);

CREATE TABLE IF NOT EXISTS attempts (
    reference    TEXT PRIMARY KEY,              -- "INVOICE-0017-2": the gateway takes each once
    order_id     TEXT NOT NULL REFERENCES orders,
    asked_at     TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    order_number TEXT UNIQUE,                   -- the gateway's; NULL until it is known
    page_url     TEXT,                          -- where the customer pays
    state        TEXT NOT NULL DEFAULT 'PENDING' -- the library's own names
        CHECK (state IN ('UNKNOWN', 'PENDING', 'FAILED', 'CANCELLED', 'PAID', 'REFUNDING', 'REFUNDED')),
    why          TEXT                           -- what the library said, where no payment came about
);

-- Of an order one attempt is open at most: of two clicks, and of every reload, one gets through.
CREATE UNIQUE INDEX IF NOT EXISTS one_open_attempt ON attempts (order_id) WHERE state IN ('UNKNOWN', 'PENDING');
