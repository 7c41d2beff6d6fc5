"""Each rule that is taken out to see that something notices it still stands in the product as the mutant knows it.

The rings that run mutants say so, too, but minutes later; whoever changes such a line is told here at once.
"""

import pytest

from scripts.sim_value_mutants import MUTANTS as OF_VALUE
from scripts.spoiled import PROGRAMS, Mutant
from tests.architecture.checkout import ROOT
from tests.kit.till_mutants import MUTANTS as OF_THE_TILL

EVERY = {name: mutant for many in (PROGRAMS, OF_VALUE, OF_THE_TILL) for name, mutant in many.items()}


def times_found(mutant: Mutant) -> int:
    return (ROOT / f"{mutant.module.replace('.', '/')}.py").read_text(encoding="utf-8").count(mutant.old)


@pytest.mark.parametrize("name", EVERY)
def test_what_a_mutant_replaces_stands_there_once(name: str) -> None:
    assert times_found(EVERY[name]) == 1


def test_a_text_that_is_gone_is_noticed() -> None:
    assert times_found(Mutant("nothing", "scripts.spoiled", "this text is " + "nowhere", "")) == 0
