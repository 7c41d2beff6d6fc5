"""Any evening at two tills, with power cuts and a clock that jumps: the product and a small ledger agree after every step.

The negative controls switch one rule of the product off each (`tests/kit/till_mutants.py`), and the machine must notice.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from scripts.spoiled import Mutant, NoSuchText, spoil
from tests.kit.till_machine import TillMachine
from tests.kit.till_mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
DEEP = bool(os.environ.get("ZHANGGUI_DEEP"))


KNOWN = {
    "answer_forgotten": 2,
    "halves_are_kept": 7,
    "one_series_for_all_tills": 3,
    "share_used_twice": 6,
    "share_counted_twice": 6,
    "merge_loses_a_line": 3,
    "split_keeps_what_went": 2,
    "refund_forgets_the_one_before": 1,
    "refund_in_cash_first": 12,
    "paid_order_stays_open": 2,
    "shift_begins_with_the_last_one": 2,
    "tip_is_rounded_too": 6,
    "last_share_forgets_the_remainder": 7,
    "voided_dish_stays_on_the_bill": 8,
}
"""What evenings are drawn from so that one of the first notices, for each rule; with another number it only takes longer."""
ONLY_DEEP = frozenset({"share_counted_twice", "refund_in_cash_first", "paid_order_stays_open", "shift_begins_with_the_last_one",
                       "last_share_forgets_the_remainder", "voided_dish_stays_on_the_bill"})  # fmt: skip
"""Each costs two seconds; the others stand for them in an ordinary run."""
CANNOT_RUN = ("ImportError", "NameError", "AttributeError", "TypeError", "SyntaxError", NoSuchText.__name__)


@pytest.mark.timeout(7_200 if DEEP else 180)
def test_any_evening_agrees_with_the_ledger():
    run_state_machine_as_test(
        TillMachine,
        settings=settings(
            max_examples=2_000 if DEEP else 40,
            stateful_step_count=80 if DEEP else 40,
            deadline=None,
            # Making a failure small takes minutes here; a deep run takes them.
            phases=tuple(Phase) if DEEP else (Phase.explicit, Phase.reuse, Phase.generate),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", [name for name in KNOWN if DEEP or name not in ONLY_DEEP])
def test_the_machine_notices_that_a_rule_is_off(name):
    done = subprocess.run(
        [sys.executable, "-m", "tests.kit.till_mutants", name, str(KNOWN[name])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    noticed = json.loads(done.stdout)["noticed"]
    # By the ledger, or by a proof of the product itself; a mutant that cannot run is no mutant.
    assert noticed
    assert not noticed.startswith(CANNOT_RUN)


def test_every_rule_has_its_evening_and_its_line_stands_in_the_product_once():
    assert set(KNOWN) == set(MUTANTS)
    for mutant in MUTANTS.values():
        source = importlib.util.find_spec(mutant.module)
        assert source is not None
        assert Path(str(source.origin)).read_text(encoding="utf-8").count(mutant.old) == 1, mutant


def test_a_mutant_whose_line_is_gone_is_told_and_not_counted():
    script = (
        "from scripts.spoiled import Mutant, spoil\n"
        "spoil(Mutant('a rule', 'edge.domain.shift', 'no such line', ''))\n"
        "import edge.domain.shift\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert NoSuchText.__name__ in done.stderr
    with pytest.raises(RuntimeError, match="imported already"):
        spoil(Mutant("a rule", "edge.domain.order", "", ""))
