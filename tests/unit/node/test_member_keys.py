"""Members' keys and what they seal: a destroyed key opens nothing, in no copy, and leaves no byte in its file."""

import pytest

from sync.contract.facts import ContractError
from sync.contract.member_cards import DateOf, Profile, masked_name, profile_mistakes
from sync.node import member_seal
from sync.node.boxes import BoxError
from sync.node.member_keys import MemberKeys
from sync.node.ports import SeededChance

ALICE, BOB = "a" * 32, "b" * 32
KEK = b"k" * 32


@pytest.fixture
def chance():
    return SeededChance("keys")


@pytest.fixture
def key(chance):
    return member_seal.make_key(chance)


def kept(tmp_path, chance, **where):
    return MemberKeys(tmp_path / "member-keys.db", KEK, chance, **where)


def test_a_profile_opens_with_its_own_key_for_its_own_member_only(chance, key):
    profile = Profile(phone="+8613800138000", name="王女士", birthday=DateOf(what="birthday", month_day="02-29"))
    sealed = member_seal.seal(profile, ALICE, key, chance)
    assert member_seal.unseal(sealed, ALICE, key) == profile
    with pytest.raises(ContractError, match="does not open"):
        member_seal.unseal(sealed, BOB, key)
    with pytest.raises(ContractError, match="does not open"):
        member_seal.unseal(sealed, ALICE, member_seal.make_key(chance))
    with pytest.raises(ContractError, match="does not open"):
        member_seal.unseal(sealed[:-8] + "AAAAAAAA", ALICE, key)


def test_the_length_of_a_seal_does_not_tell_an_allergy_from_none(chance, key):
    with_allergy = Profile(phone="+8613800138000", name="王女士", allergies=("虾",))
    lengths = {
        len(member_seal.seal(one, ALICE, key, chance))
        for one in (with_allergy, Profile(phone="+8613800138000", name="王女士", avoids=("香菜",)))
    }
    assert len(lengths) == 1


@pytest.mark.parametrize("month_day", ["02-30", "13-01", "00-10", "04-31", "1-1", "02-30 "])
def test_a_birthday_that_no_calendar_has_is_not_sound(month_day):
    assert profile_mistakes(Profile(birthday=DateOf(what="birthday", month_day=month_day))) == ["birthday"]


def test_a_lunar_month_may_have_a_thirtieth_day():
    assert profile_mistakes(Profile(birthday=DateOf(what="birthday", month_day="02-30", lunar=True))) == []


@pytest.mark.parametrize("email", ["nobody", "a@b", "a b@c.cn", "a@c..cn ", "@c.cn"])
def test_an_address_for_mail_that_is_none_is_not_sound(email):
    assert profile_mistakes(Profile(email=email)) == ["email"]
    assert profile_mistakes(Profile(email="wang.li+1@example.com.cn", address="上海市青瓷巷 8 号")) == []


def test_what_is_not_sound_is_named_and_never_repeated(chance, key):
    sealed = member_seal.seal(Profile(phone="13800138000"), ALICE, key, chance)
    with pytest.raises(ContractError) as caught:
        member_seal.unseal(sealed, ALICE, key)
    assert "13800138000" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_indexes_of_two_stores_have_nothing_in_common(chance):
    master = chance.token(32)
    digests = {
        member_seal.phone_digest(member_seal.store_index_key(master, store), "+8613800138000") for store in ("s1", "s2")
    }
    assert len(digests) == 2


def test_a_key_is_kept_once_and_comes_back_after_a_restart(tmp_path, chance, key):
    keys = kept(tmp_path, chance)
    assert keys.put(ALICE, member_seal.key_id(key), key)
    assert keys.put(ALICE, member_seal.key_id(key), key)
    assert not keys.put(ALICE, "other", member_seal.make_key(chance))
    keys.close()
    again = kept(tmp_path, chance)
    found = again.get(ALICE)
    assert found is not None
    assert found.key == key
    assert key.hex() not in repr(found)
    again.close()


def test_a_forgotten_key_leaves_nothing_in_the_file_and_is_never_taken_again(tmp_path, chance, key):
    keys = kept(tmp_path, chance)
    keys.put(ALICE, "id-of-alice", key)
    box = keys._raw.execute("SELECT box FROM member_keys").fetchone()[0]
    assert box in (tmp_path / "member-keys.db").read_bytes()  # negative control: the search finds what is there
    keys.forget(ALICE, 1)
    assert keys.get(ALICE) is None
    assert not keys.put(ALICE, "id-of-alice", key)
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert box not in content
        assert key not in content
    keys.close()


def test_no_key_lies_in_clear(tmp_path, chance, key):
    keys = kept(tmp_path, chance)
    keys.put(ALICE, member_seal.key_id(key), key)
    keys.put_secret("index", key)
    assert keys.secret("index") == key
    assert key not in (tmp_path / "member-keys.db").read_bytes()
    keys.close()
    other = MemberKeys(tmp_path / "member-keys.db", b"x" * 32, chance)
    with pytest.raises(BoxError):
        other.get(ALICE)
    other.close()


def test_the_mirror_brings_back_a_lost_file_and_no_forgotten_member(tmp_path, chance, key):
    mirror = tmp_path / "elsewhere" / "member-keys.db"
    keys = kept(tmp_path, chance, mirror=mirror)
    for member in (ALICE, BOB):
        keys.put(member, member_seal.key_id(key), key)
    keys.forget(BOB, 5)
    keys.close()
    (tmp_path / "member-keys.db").unlink()
    again = kept(tmp_path, chance, mirror=mirror)
    assert again.get(ALICE) is not None
    assert again.get(BOB) is None
    assert again.is_forgotten(BOB)
    again.close()


def test_a_mirror_that_was_away_forgets_when_it_comes_back(tmp_path, chance, key):
    folder = tmp_path / "elsewhere"
    mirror = folder / "member-keys.db"
    keys = kept(tmp_path, chance, mirror=mirror)
    keys.put(ALICE, "id", key)
    keys.close()
    folder.rename(tmp_path / "gone")
    folder.write_text("no folder")  # the mirror cannot be opened
    keys = kept(tmp_path, chance, mirror=mirror)
    keys.forget(ALICE, 5)
    assert not keys.meet_mirror()
    folder.unlink()
    (tmp_path / "gone").rename(folder)
    assert keys.meet_mirror()
    keys.close()
    copy = MemberKeys(mirror, KEK, chance)
    assert copy.get(ALICE) is None
    assert copy.is_forgotten(ALICE)
    copy.close()


def test_keys_that_the_hub_must_be_given_wait_until_it_has_them(tmp_path, chance, key):
    keys = kept(tmp_path, chance)
    keys.put(ALICE, "id", key)
    keys.owe(ALICE, b"q" * 16)
    keys.owe(ALICE, b"z" * 16)
    assert keys.owed() == [(ALICE, b"q" * 16)]
    keys.settled(ALICE)
    assert keys.owed() == []
    assert keys.missing([ALICE, BOB]) == [BOB]
    keys.close()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("陈女士", "陈**"), (" 王五", "王**"), ("<b>Ann", "b**"), ("'O", "O**"), ("😀", "**"), (" ", "")],
)
def test_a_name_is_shown_by_its_first_letter_past_any_sign(name, shown):
    assert masked_name(name) == shown
