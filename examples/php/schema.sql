-- A shop's orders. The amounts are text, as the library takes and gives them: money is no float.
CREATE TABLE IF NOT EXISTS orders (
    reference    TEXT PRIMARY KEY,              -- the shop's own; never used twice
    amount       TEXT NOT NULL,                 -- "25.50"
    currency     TEXT NOT NULL CHECK (currency IN ('CDF', 'USD')),
    order_number TEXT UNIQUE,                   -- the gateway's, once the payment was taken in
    state        TEXT NOT NULL DEFAULT 'new'    -- asked: sent, or being sent; refused: by the gateway
        CHECK (state IN ('new', 'asked', 'refused', 'failed', 'cancelled', 'paid', 'shipped', 'refunded')),
    paid_at      TEXT
);
