"""The tables of step 007: what this store's own facts say of members. What the hub says of them lies in the streams' copies."""

SCRIPTS = (
    """
CREATE TABLE members_here (
    member_id TEXT PRIMARY KEY, n INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, day TEXT NOT NULL,
    at_ms INTEGER NOT NULL, place TEXT NOT NULL, origin_store TEXT NOT NULL, origin_code TEXT NOT NULL, origin_at TEXT NOT NULL, by_member TEXT NOT NULL,
    key_id TEXT NOT NULL, sealed TEXT NOT NULL, left_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE members_gone (member_id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE member_profiles (
    member_id TEXT PRIMARY KEY, n INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, key_id TEXT NOT NULL,
    sealed TEXT NOT NULL
) STRICT;
CREATE TABLE member_consents (
    member_id TEXT NOT NULL, purpose TEXT NOT NULL, given INTEGER NOT NULL, text TEXT NOT NULL, channel TEXT NOT NULL,
    at_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (member_id, purpose)
) STRICT, WITHOUT ROWID;
CREATE TABLE member_tokens (token TEXT PRIMARY KEY, member_id TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
CREATE TABLE member_posts (
    post_id TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('earned', 'spent', 'reversed')), n INTEGER NOT NULL,
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, day TEXT NOT NULL, at_ms INTEGER NOT NULL, member_id TEXT NOT NULL,
    invite_id TEXT NOT NULL, by_what TEXT NOT NULL, ref TEXT NOT NULL, points INTEGER NOT NULL, doc TEXT NOT NULL
) STRICT;
CREATE INDEX member_posts_by_member ON member_posts (member_id, epoch, seq) WHERE member_id <> '';
CREATE INDEX member_posts_by_invite ON member_posts (invite_id) WHERE invite_id <> '';
CREATE INDEX member_posts_by_ref ON member_posts (ref, kind);
CREATE TABLE grant_draws (
    grant_id TEXT NOT NULL, lot_id TEXT NOT NULL, spent INTEGER NOT NULL, PRIMARY KEY (grant_id, lot_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE grants_released (grant_id TEXT PRIMARY KEY, rest INTEGER NOT NULL, n INTEGER NOT NULL) STRICT;
CREATE TABLE invite_claims (
    invite_id TEXT NOT NULL, member_id TEXT NOT NULL, sale_store TEXT NOT NULL, n INTEGER NOT NULL, epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL, PRIMARY KEY (invite_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX invite_claims_by_member ON invite_claims (member_id);
CREATE TABLE referrals_bound (friend TEXT PRIMARY KEY, referrer TEXT NOT NULL, flags TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
CREATE TABLE member_sales (sale_id TEXT PRIMARY KEY, member_id TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
CREATE INDEX member_sales_by_member ON member_sales (member_id, n);
CREATE TABLE member_visits (
    n INTEGER PRIMARY KEY, member_id TEXT NOT NULL, day TEXT NOT NULL, at_ms INTEGER NOT NULL, by_what TEXT NOT NULL,
    order_id TEXT NOT NULL, till TEXT NOT NULL
) STRICT;
CREATE INDEX member_visits_by_member ON member_visits (member_id, n);
CREATE INDEX member_visits_by_order ON member_visits (order_id, n) WHERE order_id <> '';
""",
    # What the hub says, beside the streams' own copies: whose a grant is, who turned out to be somebody else, what is to be done
    # for whom (`look` = index again, `drop` = let go of the key, `forget` = destroy it for good), and what an online answer said before the stream did.
    """
CREATE TABLE grant_owners (
    grant_id TEXT PRIMARY KEY, member_id TEXT NOT NULL, epoch INTEGER NOT NULL, ends_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_owners_by_member ON grant_owners (member_id);
CREATE INDEX grant_owners_by_end ON grant_owners (epoch, ends_ms);
CREATE TABLE member_aliases (member_id TEXT PRIMARY KEY, into_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX member_aliases_by_into ON member_aliases (into_id);
CREATE TABLE member_work (
    member_id TEXT PRIMARY KEY, what TEXT NOT NULL CHECK (what IN ('look', 'drop', 'forget'))
) STRICT, WITHOUT ROWID;
CREATE TABLE member_answers (
    what TEXT NOT NULL CHECK (what IN ('card', 'grant')), id TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (what, id)
) STRICT, WITHOUT ROWID;
""",
    # What members are found by: keyed digests. Made from the sealed profiles with the keys of the keys' file, so no fact says
    # them and no rebuild checks them; a member who is forgotten is deleted from here.
    """
CREATE TABLE member_index (
    digest TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('phone', 'tail', 'token')), member_id TEXT NOT NULL,
    PRIMARY KEY (digest, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_index_by_member ON member_index (member_id, kind);
""",
)
