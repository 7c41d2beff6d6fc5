"""The tables of step 006, by part; each part's projection lies in `edge.db.projections`."""

_ORDERS = """
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY, state TEXT NOT NULL, table_id TEXT NOT NULL, till TEXT NOT NULL, service TEXT NOT NULL,
    opened_ms INTEGER NOT NULL, n INTEGER NOT NULL, doc TEXT NOT NULL
) STRICT;
CREATE INDEX orders_open ON orders (opened_ms, order_id) WHERE state = 'open';
CREATE INDEX orders_by_table ON orders (table_id) WHERE state = 'open' AND table_id <> '';
CREATE INDEX orders_by_n ON orders (n);
CREATE TABLE dish_states (
    dish_id TEXT PRIMARY KEY, left_qty INTEGER NOT NULL, price_fen INTEGER NOT NULL, price_day TEXT NOT NULL, n INTEGER NOT NULL
) STRICT;
CREATE INDEX dish_states_by_n ON dish_states (n);
CREATE TABLE floor_plans (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, n INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
"""

_BILL = """
CREATE TABLE order_parts (
    sale_id TEXT NOT NULL, key TEXT NOT NULL, amount_fen INTEGER NOT NULL, PRIMARY KEY (sale_id, key)
) STRICT, WITHOUT ROWID;
"""

_PAYMENTS = """
CREATE TABLE payments (
    payment_id TEXT PRIMARY KEY, n INTEGER NOT NULL UNIQUE, order_id TEXT NOT NULL, till TEXT NOT NULL, day TEXT NOT NULL,
    at_ms INTEGER NOT NULL, kind TEXT NOT NULL, received_fen INTEGER NOT NULL, change_fen INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL, provider TEXT NOT NULL, reference TEXT NOT NULL, flagged INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'used', 'returned')), sale_id TEXT NOT NULL
) STRICT;
CREATE INDEX payments_open ON payments (order_id) WHERE state = 'open';
CREATE INDEX payments_by_time ON payments (at_ms);
CREATE TABLE payment_uses (
    payment_id TEXT NOT NULL, sale_id TEXT NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    PRIMARY KEY (payment_id, sale_id, position)
) STRICT;
CREATE INDEX payment_uses_by_sale ON payment_uses (sale_id);
CREATE TABLE payment_moves (
    n INTEGER PRIMARY KEY, move_id TEXT NOT NULL, till TEXT NOT NULL, what TEXT NOT NULL, kind TEXT NOT NULL,
    amount_fen INTEGER NOT NULL
) STRICT;
CREATE INDEX payment_moves_by_till ON payment_moves (till, n);
CREATE TABLE payment_doubts (
    payment_id TEXT PRIMARY KEY, n INTEGER NOT NULL, order_id TEXT NOT NULL, till TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, outcome TEXT NOT NULL
) STRICT;
CREATE INDEX payment_doubts_open ON payment_doubts (n) WHERE outcome = 'unknown';
CREATE INDEX payment_doubts_refused ON payment_doubts (n) WHERE outcome = 'refused';
CREATE TABLE deposits (
    deposit_id TEXT PRIMARY KEY, n INTEGER NOT NULL UNIQUE, epoch INTEGER NOT NULL, till TEXT NOT NULL, number INTEGER NOT NULL,
    receipt_no TEXT NOT NULL UNIQUE, day TEXT NOT NULL, at_ms INTEGER NOT NULL, label TEXT NOT NULL, for_day TEXT NOT NULL,
    kind TEXT NOT NULL, received_fen INTEGER NOT NULL, change_fen INTEGER NOT NULL, amount_fen INTEGER NOT NULL,
    reference TEXT NOT NULL, spent_fen INTEGER NOT NULL, returned_fen INTEGER NOT NULL,
    UNIQUE (till, epoch, number)
) STRICT;
CREATE INDEX deposits_by_for_day ON deposits (for_day);
CREATE INDEX deposits_by_time ON deposits (at_ms);
CREATE TABLE gateway_refunds (
    refund_no TEXT PRIMARY KEY, n INTEGER NOT NULL, payment_id TEXT NOT NULL, amount_fen INTEGER NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE gateway_queue (
    refund_no TEXT PRIMARY KEY, payment_id TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'refused')), reason TEXT NOT NULL, settled_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX gateway_queue_open ON gateway_queue (refund_no) WHERE state <> 'done';
CREATE INDEX gateway_queue_by_time ON gateway_queue (settled_ms) WHERE state = 'done';
CREATE TABLE gateway_attempts (
    payment_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, till TEXT NOT NULL, person TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    label TEXT NOT NULL, for_day TEXT NOT NULL, at_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sent', 'unknown', 'cancelling', 'accepted', 'taken', 'refused', 'cancelled')),
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX gateway_attempts_open ON gateway_attempts (at_ms) WHERE state IN ('sent', 'unknown', 'cancelling', 'accepted');
CREATE INDEX gateway_attempts_by_time ON gateway_attempts (at_ms);
CREATE INDEX gateway_attempts_of_order ON gateway_attempts (order_id) WHERE state IN ('sent', 'unknown', 'cancelling', 'accepted');
CREATE TABLE gateway_bills (day TEXT PRIMARY KEY, report BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT;
"""

_REFUNDS = """
CREATE TABLE refunds (
    refund_id TEXT PRIMARY KEY, sale_id TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL UNIQUE,
    till TEXT NOT NULL, number INTEGER NOT NULL, receipt_no TEXT NOT NULL UNIQUE, day TEXT NOT NULL, at_ms INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL, tip_fen INTEGER NOT NULL, whole INTEGER NOT NULL, reopened_as TEXT NOT NULL,
    UNIQUE (till, epoch, number)
) STRICT;
CREATE INDEX refunds_of_sale ON refunds (sale_id);
CREATE TABLE refund_lines (
    refund_id TEXT NOT NULL REFERENCES refunds (refund_id), position INTEGER NOT NULL,
    line INTEGER NOT NULL, qty INTEGER NOT NULL, amount_fen INTEGER NOT NULL,
    PRIMARY KEY (refund_id, position)
) STRICT;
CREATE TABLE refund_tenders (
    refund_id TEXT NOT NULL REFERENCES refunds (refund_id), position INTEGER NOT NULL,
    kind TEXT NOT NULL, amount_fen INTEGER NOT NULL, payment_id TEXT NOT NULL, reference TEXT NOT NULL, queued INTEGER NOT NULL,
    PRIMARY KEY (refund_id, position)
) STRICT;
CREATE TABLE day_refunds (day TEXT PRIMARY KEY, refunds INTEGER NOT NULL, amount_fen INTEGER NOT NULL) STRICT;
CREATE TABLE remade_sales (sale_id TEXT NOT NULL, by_sale TEXT PRIMARY KEY) STRICT;
CREATE INDEX remade_sales_of ON remade_sales (sale_id);
"""

_SHIFTS = """
CREATE TABLE till_entries (
    till TEXT NOT NULL, n INTEGER NOT NULL, what TEXT NOT NULL, ref TEXT NOT NULL, receipt_no TEXT NOT NULL,
    day TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, gross_fen INTEGER NOT NULL, discounts_fen INTEGER NOT NULL, charges_fen INTEGER NOT NULL,
    rounding_fen INTEGER NOT NULL, taxes_added_fen INTEGER NOT NULL, taxes_included_fen INTEGER NOT NULL,
    tips_fen INTEGER NOT NULL, covers INTEGER NOT NULL, platform INTEGER NOT NULL,
    PRIMARY KEY (till, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX till_entries_beside ON till_entries (till, n) WHERE what IN ('opened', 'pay_in', 'pay_out', 'drop', 'handed_over');
CREATE INDEX till_entries_cash ON till_entries (ref) WHERE what IN ('pay_in', 'pay_out', 'drop');
CREATE TABLE till_tenders (
    till TEXT NOT NULL, n INTEGER NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL,
    taken_fen INTEGER NOT NULL, returned_fen INTEGER NOT NULL,
    PRIMARY KEY (till, n, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE z_reports (
    till TEXT NOT NULL, epoch INTEGER NOT NULL, z INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL UNIQUE,
    day TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, sales_fen INTEGER NOT NULL, net_fen INTEGER NOT NULL,
    variance_fen INTEGER NOT NULL, left_fen INTEGER NOT NULL, grand_total_fen INTEGER NOT NULL,
    PRIMARY KEY (till, epoch, z)
) STRICT, WITHOUT ROWID;
CREATE INDEX z_reports_by_till ON z_reports (till, n);
CREATE TABLE till_counts (
    till TEXT PRIMARY KEY, count_id TEXT NOT NULL, counted TEXT NOT NULL, at_n INTEGER NOT NULL, actor TEXT NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO till_entries (till, n, what, ref, receipt_no, day, at_ms, actor, note, amount_fen, gross_fen, discounts_fen,
    charges_fen, rounding_fen, taxes_added_fen, taxes_included_fen, tips_fen, covers, platform)
    SELECT till, n, 'sale', sale_id, receipt_no, day, at_ms, '', '', total_fen, total_fen, 0, 0, 0, 0, 0, 0, 0, 0 FROM sales;
INSERT INTO till_tenders (till, n, position, kind, taken_fen, returned_fen)
    SELECT sales.till, sales.n, position, kind, sale_tenders.amount_fen, 0 FROM sale_tenders JOIN sales USING (sale_id);
"""

_PEOPLE = """
CREATE TABLE people (
    person_id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, locale TEXT NOT NULL, gone INTEGER NOT NULL
) STRICT;
CREATE TABLE newcomers (
    person_id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, locale TEXT NOT NULL
) STRICT;
CREATE VIEW staff AS
    SELECT person_id, name, role, locale FROM people WHERE gone = 0
    UNION ALL SELECT person_id, name, role, locale FROM newcomers
    WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.person_id = newcomers.person_id);
CREATE TABLE credentials (
    person_id TEXT NOT NULL, what TEXT NOT NULL CHECK (what IN ('pin', 'badge')), bucket INTEGER NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (person_id, what)
) STRICT;
CREATE INDEX credentials_by_bucket ON credentials (what, bucket);
INSERT INTO newcomers (person_id, name, role, locale) SELECT cashier_id, name, 'manager', 'zh-CN' FROM cashiers;
INSERT INTO credentials (person_id, what, bucket, hash) SELECT cashier_id, 'pin', -1, pin_hash FROM cashiers;
CREATE TABLE seats (
    token_hash BLOB PRIMARY KEY, till TEXT NOT NULL, person_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL
) STRICT;
INSERT INTO seats (token_hash, till, person_id, created_ms, seen_ms)
    SELECT token_hash, till, cashier_id, created_ms, created_ms FROM sessions;
DROP TABLE sessions;
ALTER TABLE seats RENAME TO sessions;
DROP TABLE cashiers;
DROP TABLE pin_tries;
CREATE TABLE pin_tries (
    till TEXT NOT NULL, person_id TEXT NOT NULL, wrong INTEGER NOT NULL, locked_until_ms INTEGER NOT NULL,
    PRIMARY KEY (till, person_id)
) STRICT;
CREATE TABLE wrong_pins (at_ms INTEGER NOT NULL, till TEXT NOT NULL, person_id TEXT NOT NULL) STRICT;
CREATE INDEX wrong_pins_by_till ON wrong_pins (till, at_ms);
CREATE TABLE approvals (
    n INTEGER PRIMARY KEY, approval_id TEXT NOT NULL, at_ms INTEGER NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
    requester TEXT NOT NULL, approver TEXT NOT NULL, amount_fen INTEGER NOT NULL, rate_bp INTEGER NOT NULL,
    refused TEXT NOT NULL
) STRICT;
CREATE INDEX approvals_by_id ON approvals (approval_id);
CREATE TABLE approvals_waiting (
    approval_id TEXT PRIMARY KEY, till TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, rate_bp INTEGER NOT NULL, requester TEXT NOT NULL, approver TEXT NOT NULL,
    expires_ms INTEGER NOT NULL, signature BLOB NOT NULL
) STRICT;
CREATE TABLE settings_here (key TEXT PRIMARY KEY, value TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE settings_waiting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

_KITCHEN = """
CREATE TABLE kitchen_items (
    n INTEGER NOT NULL, k INTEGER NOT NULL, order_id TEXT NOT NULL, station TEXT NOT NULL, done_n INTEGER NOT NULL,
    doc TEXT NOT NULL, PRIMARY KEY (n, k)
) STRICT;
CREATE INDEX kitchen_items_open ON kitchen_items (station, n) WHERE done_n = 0;
CREATE INDEX kitchen_items_by_order ON kitchen_items (order_id);
CREATE INDEX kitchen_items_done ON kitchen_items (done_n, station) WHERE done_n > 0;
CREATE TABLE kitchen_slips (
    n INTEGER NOT NULL, station TEXT NOT NULL, order_id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (n, station)
) STRICT;
"""

_LAN = """
CREATE TABLE terminals (
    terminal_id TEXT PRIMARY KEY, name TEXT NOT NULL, till TEXT NOT NULL, at_ms INTEGER NOT NULL, revoked INTEGER NOT NULL
) STRICT;
CREATE TABLE terminal_tokens (
    terminal_id TEXT PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE table_codes (table_id TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
"""

_BEYOND = """
CREATE TABLE refunds_ceded (
    refund_id TEXT PRIMARY KEY, n INTEGER NOT NULL UNIQUE, sale_id TEXT NOT NULL, to_store TEXT NOT NULL, at_ms INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL, tip_fen INTEGER NOT NULL, regained INTEGER NOT NULL, doc TEXT NOT NULL
) STRICT;
CREATE INDEX refunds_ceded_of_sale ON refunds_ceded (sale_id);
CREATE TABLE refunds_asked (
    refund_id TEXT PRIMARY KEY, n INTEGER NOT NULL UNIQUE, sale_id TEXT NOT NULL, sale_store TEXT NOT NULL, till TEXT NOT NULL,
    at_ms INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('asked', 'given', 'dropped')), drop_id TEXT NOT NULL, doc TEXT NOT NULL
) STRICT;
CREATE INDEX refunds_asked_open ON refunds_asked (n) WHERE state = 'asked';
CREATE TABLE drops_told (refund_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE bills_shown (n INTEGER PRIMARY KEY, order_id TEXT NOT NULL, at_ms INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE INDEX bills_shown_of_order ON bills_shown (order_id);
CREATE TABLE refunds_settled (refund_no TEXT PRIMARY KEY, n INTEGER NOT NULL, outcome TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;
"""

_HOUSE = """
CREATE TABLE bookings (
    booking_id TEXT PRIMARY KEY, day TEXT NOT NULL, time TEXT NOT NULL, name TEXT NOT NULL, phone4 TEXT NOT NULL,
    covers INTEGER NOT NULL, table_id TEXT NOT NULL, note TEXT NOT NULL, deposit_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'arrived', 'cancelled', 'no_show')), order_id TEXT NOT NULL, n INTEGER NOT NULL
) STRICT;
CREATE INDEX bookings_by_day ON bookings (day, time);
CREATE INDEX bookings_by_n ON bookings (n);
CREATE TABLE day_specials (dish_id TEXT PRIMARY KEY, until TEXT NOT NULL, n INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;
CREATE TABLE openings (
    day TEXT NOT NULL, till TEXT NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, wrong TEXT NOT NULL,
    PRIMARY KEY (day, till)
) STRICT, WITHOUT ROWID;
CREATE TABLE exceptions (
    n INTEGER NOT NULL, what TEXT NOT NULL, day TEXT NOT NULL, at_ms INTEGER NOT NULL, till TEXT NOT NULL, actor TEXT NOT NULL,
    approved_by TEXT NOT NULL, amount_fen INTEGER NOT NULL, label TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (n, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX exceptions_by_day ON exceptions (day, n);
CREATE TABLE menu_file (id INTEGER PRIMARY KEY CHECK (id = 1), sha256 TEXT NOT NULL) STRICT;
"""

_INTAKE = """
CREATE TABLE platform_orders (
    platform TEXT NOT NULL, platform_no TEXT NOT NULL, order_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'ready', 'cancelled')), sale_id TEXT NOT NULL, refund_id TEXT NOT NULL,
    cancelled_by TEXT NOT NULL, reason TEXT NOT NULL, day TEXT NOT NULL, at_ms INTEGER NOT NULL, n INTEGER NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (platform, platform_no)
) STRICT;
CREATE INDEX platform_orders_open ON platform_orders (at_ms) WHERE state IN ('waiting', 'accepted');
CREATE INDEX platform_orders_by_n ON platform_orders (n);
CREATE INDEX platform_orders_by_day ON platform_orders (day);
CREATE TABLE platform_tells (
    platform TEXT NOT NULL, platform_no TEXT NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'refused')), answer TEXT NOT NULL, PRIMARY KEY (platform, platform_no, what)
) STRICT;
CREATE INDEX platform_tells_open ON platform_tells (n) WHERE state <> 'done';
CREATE TABLE platform_marks (platform TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
CREATE TABLE platform_stock (
    platform TEXT NOT NULL, dish_id TEXT NOT NULL, sold_out INTEGER NOT NULL, PRIMARY KEY (platform, dish_id)
) STRICT;
"""

SCRIPTS = (_ORDERS, _BILL, _PAYMENTS, _REFUNDS, _SHIFTS, _PEOPLE, _KITCHEN, _LAN, _BEYOND, _HOUSE, _INTAKE)
