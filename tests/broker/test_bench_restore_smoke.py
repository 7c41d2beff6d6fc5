"""`bench restore` with few facts: on both databases everything comes back, in time, and a bound that is not kept is said."""

import pytest

from scripts.bench_restore import DATABASES, RPO_MAX_S, RTO_MAX_S, Store, missed, run


@pytest.mark.timeout(300)
def test_a_hub_without_its_database_is_back_in_time_with_everything_on_both_databases() -> None:
    found = run(list(DATABASES), 500)
    assert found["ok"], found
    for name in DATABASES:
        figures = found[name]
        assert figures["facts"] >= 500
        assert 0 < figures["restore_s"] <= figures["rto_s"] < RTO_MAX_S
        assert figures["rpo_s"] < RPO_MAX_S
        assert figures["missing_before_stores"] > 0, "what came in behind the last backup went with the database"
        assert figures["lost"] == 0, "and the store had it"


def test_a_store_that_sends_nothing_again_leaves_the_hub_without_its_last_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control."""
    greeted: list[dict[int, int]] = []
    greet, send = Store.greet, Store.send

    def note(store: Store, core: object) -> dict[int, int]:
        greeted.append(greet(store, core))  # type: ignore[arg-type]
        return greeted[-1]

    def once(store: Store, core: object, after: dict[int, int]) -> None:
        if not greeted:
            send(store, core, after)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "greet", note)
    monkeypatch.setattr(Store, "send", once)
    with pytest.raises(RuntimeError, match=r"lacks \d+ facts"):
        run(["sqlite"], 500)


@pytest.mark.parametrize(
    ("figures", "said"),
    [({"rto_s": RTO_MAX_S, "rpo_s": 1.0}, ["x.rto_s"]), ({"rto_s": 1.0, "rpo_s": RPO_MAX_S}, ["x.rpo_s"])],
)
def test_a_bound_that_is_not_kept_is_named(figures: dict[str, float], said: list[str]) -> None:
    assert missed({"x": figures}) == said
