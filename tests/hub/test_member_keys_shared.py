"""Several hubs share one file of members' keys: what one is given all read, what one destroys is gone for all."""

from collections.abc import Callable

from sync.node.member_keys import FILE, MemberKeys
from sync.node.ports import SeededChance
from tests.kit.key_processes import WRAPPING, key_of, key_processes

COUNT = 12


def named(start: str) -> list[str]:
    return [f"{start}{n:031x}" for n in range(COUNT)]


def test_two_processes_at_once_lose_no_key_and_each_reads_the_others(tmp_path):
    with key_processes(tmp_path, 2) as (first, second):
        first.begin("put", named("a"))
        second.begin("put", named("b"))
        assert (first.end(), second.end()) == ([True] * COUNT, [True] * COUNT)
        for one in (first, second):
            held = one.do("read", [*named("a"), *named("b")])
            assert held == {name: key_of(name)[1] for name in (*named("a"), *named("b"))}


def test_the_same_keys_given_to_two_processes_at_once_are_taken_by_both(tmp_path):
    with key_processes(tmp_path, 2) as (first, second):
        first.begin("put", named("a"))
        second.begin("put", named("a"))
        assert (first.end(), second.end()) == ([True] * COUNT, [True] * COUNT)


def test_what_one_process_destroys_is_gone_for_the_other_and_not_taken_again(tmp_path):
    (tmp_path / "copy").mkdir()
    with key_processes(tmp_path, 2, tmp_path / "copy") as (first, second):
        first.do("put", named("a"))
        assert len(second.do("read", named("a"))) == COUNT
        first.do("forget", named("a"))
        assert second.do("read", named("a")) == {}
        assert second.do("put", named("a")) == [False] * COUNT
        assert second.do("forgotten") == named("a")


def test_destroying_and_giving_at_once_leaves_no_key_in_the_file_or_its_copy(tmp_path):
    (tmp_path / "copy").mkdir()
    with key_processes(tmp_path, 2, tmp_path / "copy") as (first, second):
        first.begin("forget", named("a"))
        second.begin("put", named("a"))
        first.end()
        second.end()
        second.do("put", named("b"))
    for folder in (tmp_path, tmp_path / "copy"):
        keys = MemberKeys(folder / FILE, WRAPPING, SeededChance("judge"))
        assert keys.held() == named("b")
        assert keys.forgotten() == named("a")
        keys.close()


class Meanwhile(SeededChance):
    """Randomness that lets something else happen first: between looking and writing, a key's box is made with it."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__("meanwhile")
        self._happens = happens

    def token(self, size: int) -> bytes:
        self._happens()
        return super().token(size)


def test_a_member_whom_another_process_forgets_while_a_key_is_being_sealed_stays_forgotten(tmp_path):
    other = MemberKeys(tmp_path / FILE, WRAPPING, SeededChance("other"))
    [member] = named("a")[:1]
    keys = MemberKeys(tmp_path / FILE, WRAPPING, Meanwhile(lambda: other.forget(member, 1)))
    assert not keys.put(member, *key_of(member))
    assert (keys.held(), other.forgotten()) == ([], [member])
    keys.close()
    other.close()


def test_a_key_that_another_process_is_given_at_the_same_moment_is_no_failure(tmp_path):
    other = MemberKeys(tmp_path / FILE, WRAPPING, SeededChance("other"))
    [member] = named("a")[:1]
    keys = MemberKeys(tmp_path / FILE, WRAPPING, Meanwhile(lambda: other.put(member, *key_of(member))))
    assert keys.put(member, *key_of(member))
    assert keys.held() == [member]
    keys.close()
    other.close()
