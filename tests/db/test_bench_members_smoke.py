"""`bench members` at a small size: every figure is measured by the product's own code, and a bar that is missed shows."""

from dataclasses import replace

from scripts import bench_members


def test_every_figure_is_measured(tmp_path):
    found = bench_members.run(tmp_path, members=300, at_node=60, entries=300, sales=4)
    assert (found.members, found.entries) == (300, 300)
    assert (found.at_node, found.posts) == (60, 180)
    assert min(found.hub_lookup_p95_ms, found.node_lookup_p95_ms, found.verify_code_ms) > 0
    assert min(found.earn_times, *found.cpu.values()) > 0


def test_a_bar_that_is_missed_is_not_ok():
    kept = bench_members.Found(3.0, 20.0, 5.0, 0.3, 60.0, 1, 1)
    assert kept.ok
    for name in ("earn_added_p95_ms", "hub_lookup_p95_ms", "node_lookup_p95_ms", "verify_code_ms", "proof_s"):
        assert not replace(kept, **{name: getattr(kept, name) + 0.1}).ok
