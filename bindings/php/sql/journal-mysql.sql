-- The journal of flexpay in MariaDB and MySQL. The Python and the PHP package share this table.
CREATE TABLE IF NOT EXISTS flexpay_journal (
    -- Bytes in UTF-8, 255 characters at most. With the collation utf8mb4_bin, "R " would be the same key as "R".
    reference VARBINARY(1020) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL, -- one more with each change
    state VARCHAR(20) NOT NULL, -- the name of an entry state, or PRUNED: only the reference is kept
    is_open SMALLINT NOT NULL, -- 1: more may be learnt
    to_deliver SMALLINT NOT NULL, -- 1: paid, and not acknowledged
    order_number VARCHAR(256), -- the gateway's
    lease_until BIGINT, -- while SENDING: until when the sender is alive, in seconds since 1970
    created_at VARCHAR(20) NOT NULL, -- 2026-11-27T18:36:21Z
    changed_at VARCHAR(20) NOT NULL,
    entry MEDIUMTEXT NOT NULL, -- JSON
    INDEX flexpay_journal_open (is_open, reference),
    INDEX flexpay_journal_in_doubt (state, reference),
    INDEX flexpay_journal_to_deliver (to_deliver, reference),
    INDEX flexpay_journal_order (order_number)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
