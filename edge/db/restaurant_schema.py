"""The tables of step 006, by part; each part's projection lies in `edge.db.projections`."""

_ORDERS = ""

_PAYMENTS = ""

_REFUNDS = ""

_SHIFTS = ""

_PEOPLE = ""

SCRIPTS = (_ORDERS, _PAYMENTS, _REFUNDS, _SHIFTS, _PEOPLE)
