"""Every bound of the wire in one place, so that both sides refuse the same thing."""

BATCH_FACTS_MAX = 250
BATCH_PLAIN_BYTES_TARGET = 64 * 1024
"""A sender closes a batch before it passes this size, unless a single fact is larger."""
BODY_PLAIN_BYTES_MAX = 4 * 1024 * 1024
"""More than this after decompression is refused unread (zip bomb)."""
WIRE_BYTES_MAX = 262_144
"""The packet limit that every broker must allow (DESIGN §13)."""
FACT_BYTES_MAX = 48 * 1024
HEADER_BYTES_MAX = 1024

STREAM_OPERATIONS_MAX = 200
"""Operations in one down batch."""
STREAM_PLAIN_BYTES_MAX = 160 * 1024
"""A down batch is closed before it passes this size: even what does not compress then fits a packet."""
OPERATION_BYTES_MAX = 96 * 1024
"""The value of one step of a stream."""
STREAM_NAME_CHARS_MAX = 64
SNAPSHOT_CHUNK_BYTES_MAX = 192 * 1024
"""A piece of a snapshot as it travels, before it is sealed."""
SNAPSHOT_BYTES_MAX = 256 * 1024 * 1024
"""More than this is refused before a first piece is asked for."""
QUESTION_BYTES_MAX = 16 * 1024
"""The body of an online question, and of its answer."""

SALE_LINES_MAX = 200
LINE_QTY_MAX = 999
LINE_MODIFIERS_MAX = 20
PER_G = (500, 1000)
"""What a price by weight may be for: 500 g (一斤) or a kilogram."""
LINE_WEIGHT_G_MAX = 30_000
"""A line by weight weighs 1 g to this: what a counter scale carries."""
COURSE_MAX = 9
SET_GROUPS_MAX = 12
SET_CHOICES_MAX = 40
SET_QTY_MAX = 20
SET_PARTS_MAX = 24
"""Dishes within one set that is sold."""
TAX_ID_CHARS_MAX = 16
COVERS_MAX = 999
REASON_CHARS_MAX = 80
REFERENCE_CHARS_MAX = 64
TENDERS_MAX = 40
NOTE_CHARS_MAX = 60
NAME_CHARS_MAX = 120
PRICE_FEN_MAX = 10_000_000
SALE_TOTAL_FEN_MAX = 100_000_000
RECEIVED_FEN_MAX = 1_000_000_000
INVITE_URL_CHARS_MAX = 180
