-- The journal of flexpay in PostgreSQL. The Python and the PHP package share this table.
CREATE TABLE IF NOT EXISTS flexpay_journal (
    reference VARCHAR(255) COLLATE "C" NOT NULL PRIMARY KEY, -- compared byte by byte
    version BIGINT NOT NULL, -- one more with each change
    state VARCHAR(20) NOT NULL, -- the name of an entry state, or PRUNED: only the reference is kept
    is_open SMALLINT NOT NULL, -- 1: more may be learnt
    to_deliver SMALLINT NOT NULL, -- 1: paid, and not acknowledged
    order_number VARCHAR(256), -- the gateway's
    lease_until BIGINT, -- while SENDING: until when the sender is alive, in seconds since 1970
    created_at VARCHAR(20) NOT NULL, -- 2026-11-27T18:36:21Z
    changed_at VARCHAR(20) NOT NULL,
    entry TEXT NOT NULL -- JSON
);
CREATE INDEX IF NOT EXISTS flexpay_journal_open ON flexpay_journal (reference)
    WHERE is_open = 1;
CREATE INDEX IF NOT EXISTS flexpay_journal_in_doubt ON flexpay_journal (reference)
    WHERE state = 'IN_DOUBT';
CREATE INDEX IF NOT EXISTS flexpay_journal_to_deliver ON flexpay_journal (reference)
    WHERE to_deliver = 1;
CREATE INDEX IF NOT EXISTS flexpay_journal_order ON flexpay_journal (order_number);
