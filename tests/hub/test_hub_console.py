"""Signing in to the console: steps, second factor, sessions that end (ux-security §12 no. 24), the password file."""

import pytest

from cloud.db import accounts, migrate
from cloud.db.engine import open_engine
from cloud.domain.roles import Role
from cloud.services.refusals import Refused
from cloud.services.sessions import FRESH_MS, HALF_MS, IDLE_MS, LIFE_MS
from cloud.services.sign_in import SignedIn
from sync.node import boxes
from sync.node.passwords import Vault
from tests.kit.hub_people import ADMIN, HERE, OWN_PASSWORD, PASSWORD, Door
from tests.kit.hub_store import QUICK_COST, open_file


@pytest.fixture
def door(tmp_path):
    database = open_file(tmp_path / "hub.db")
    yield Door(database, tmp_path)
    database.close()


@pytest.fixture
def each_door(hub_database, tmp_path):
    """A door on each of the two databases."""
    return Door(hub_database, tmp_path)


@pytest.fixture
def strict(tmp_path):
    database = open_file(tmp_path / "hub.db")
    yield Door(database, tmp_path, totp_required=True)
    database.close()


# ---------------------------------------------------------------------------------------------------------- sessions


def test_the_right_password_opens_a_session(each_door):
    token = each_door.token()
    assert each_door.lives(token)
    assert not each_door.lives(token[:-1] + "x")
    each_door.held.sessions.end(token)
    assert not each_door.lives(token)


def test_a_session_ends_when_idle_and_after_twelve_hours(door):
    token = door.token()
    door.clock.advance(IDLE_MS - 1)
    assert door.lives(token)
    door.clock.advance(IDLE_MS)
    assert not door.lives(token)
    token = door.token()
    for _ in range(LIFE_MS // (IDLE_MS - 1)):
        door.clock.advance(IDLE_MS - 1)
        assert door.lives(token)
    door.clock.advance(IDLE_MS - 1)
    assert not door.lives(token)


def test_a_page_that_refreshes_itself_keeps_no_session_alive(door):
    token = door.token()
    door.clock.advance(IDLE_MS - 1)
    assert door.held.sessions.person(token, touch=False) is not None
    door.clock.advance(1)
    assert door.held.sessions.person(token, touch=False) is None


def test_every_step_of_a_sign_in_has_a_token_of_its_own_so_that_none_can_be_fixed_before(strict):
    half = strict.sign_in()
    draft = strict.held.sign_in.set_up(half.token)
    done = strict.held.sign_in.finish_set_up(half.token, strict.code(draft.secret), HERE)
    assert isinstance(done, SignedIn)
    assert done.token != half.token
    assert not strict.lives(half.token)
    assert strict.held.sign_in.stage(half.token) == ""
    assert strict.lives(done.token)


def test_half_a_sign_in_opens_nothing_and_is_over_after_ten_minutes(strict):
    half = strict.sign_in()
    assert half.stage == "set_up"
    assert not strict.lives(half.token)
    assert isinstance(strict.held.sign_in.show_code(half.token, "000000", HERE), Refused)
    strict.clock.advance(HALF_MS)
    assert strict.held.sign_in.stage(half.token) == ""
    assert strict.held.sign_in.finish_set_up(half.token, "000000", HERE) == Refused("signin_again", 401)


@pytest.mark.parametrize("what", ["role", "disable", "password", "factor", "all", "own password"])
def test_what_changes_a_user_ends_the_users_sessions_at_once(door, what):
    door.add("mei", Role.OPERATIONS)
    first, second = (door.token(account="mei", password=OWN_PASSWORD) for _ in range(2))
    held, own = door.held.accounts, door.token()
    match what:
        case "role":
            held.set_role("mei", Role.VIEWER, ADMIN)
        case "disable":
            held.disable("mei", ADMIN)
        case "password":
            held.reset_password("mei", ADMIN)
        case "factor":
            held.reset_second_factor("mei", ADMIN)
        case "all":
            assert door.held.sessions.end_all("mei") == 2
        case _:
            assert held.change_password("mei", "another teapot 47 gravel", b"", ADMIN) is None
    assert not door.lives(first)
    assert not door.lives(second)
    assert door.lives(own)


def test_a_new_role_counts_from_the_next_sign_in_on(door):
    door.add("mei", Role.OPERATIONS)
    door.held.accounts.set_role("mei", Role.VIEWER, ADMIN)
    person = door.held.sessions.person(door.token(account="mei", password=OWN_PASSWORD))
    assert person is not None
    assert person.role is Role.VIEWER


def test_my_sessions_are_listed_and_each_ends_by_its_name(door):
    first, second = door.token(), door.token()
    person = door.held.sessions.person(second)
    assert person is not None
    listed = door.held.sessions.of(person)
    assert {one.own for one in listed} == {True, False}
    other = next(one for one in listed if not one.own)
    assert (other.address, other.browser) == (HERE.address, HERE.browser)
    assert not door.held.sessions.end_one("mei", other.session)
    assert door.lives(first)
    assert door.held.sessions.end_one("admin", other.session)
    assert not door.lives(first)
    assert door.lives(second)


def test_the_hub_is_sure_of_a_person_for_five_minutes(door):
    token = door.token()
    person = door.held.sessions.person(token)
    assert person is not None
    assert door.held.sessions.is_sure(person)
    door.clock.advance(FRESH_MS)
    assert not door.held.sessions.is_sure(person)
    assert door.held.sign_in.confirm(token, person, "no", "", HERE) == Refused("wrong_password", 401)
    assert door.held.sign_in.confirm(token, person, PASSWORD, "", HERE) is None
    again = door.held.sessions.person(token)
    assert again is not None
    assert door.held.sessions.is_sure(again)


# ------------------------------------------------------------------------------------------------------ second factor


def test_a_role_that_changes_things_sets_up_a_second_factor_first(strict):
    strict.held.accounts.add("watch", "Somebody Watching", Role.VIEWER, ADMIN)
    assert strict.sign_in().stage == "set_up"
    made = strict.held.accounts.reset_password("watch", ADMIN)
    assert strict.sign_in(made.password, "watch").stage == "password"


def test_each_code_counts_once_and_one_step_around_now(each_door):
    secret, _ = each_door.give_phone(each_door.token())
    half = each_door.sign_in()
    assert half.stage == "code"
    sign_in = each_door.held.sign_in
    assert sign_in.show_code(half.token, each_door.code(secret), HERE) == Refused("wrong_code", 401), (
        "used to set it up"
    )
    assert sign_in.show_code(half.token, each_door.code(secret, 2), HERE) == Refused("wrong_code", 401)
    assert sign_in.show_code(half.token, each_door.code(secret, -2), HERE) == Refused("wrong_code", 401)
    early = each_door.code(secret, 1)
    done = sign_in.show_code(half.token, early, HERE)
    assert isinstance(done, SignedIn)
    assert each_door.lives(done.token)
    each_door.clock.advance(30_000)
    assert sign_in.show_code(each_door.sign_in().token, early, HERE) == Refused("wrong_code", 401), "used a step ago"
    each_door.clock.advance(60_000)
    assert isinstance(sign_in.show_code(each_door.sign_in().token, each_door.code(secret, -1), HERE), SignedIn)


def test_a_code_given_along_with_the_password_signs_in_at_once(door):
    secret, _ = door.give_phone(door.token())
    door.clock.advance(60_000)
    assert door.sign_in(code=door.code(secret)).stage == "full"
    assert door.try_in(code="123456") == Refused("wrong_code", 401)


def test_a_recovery_code_lets_in_once_and_is_told_in_the_log(each_door):
    _, codes = each_door.give_phone(each_door.token())
    assert len(set(codes)) == 10
    sign_in = each_door.held.sign_in
    typed = codes[3].lower().replace("-", " ")
    assert isinstance(sign_in.show_code(each_door.sign_in().token, typed, HERE), SignedIn)
    assert sign_in.show_code(each_door.sign_in().token, codes[3], HERE) == Refused("wrong_code", 401)
    assert [row.detail for row in each_door.log("signin.recovery_code_used")] == ['{"from":"192.0.2.7","left":9}']


def test_another_users_code_and_box_open_nothing(door):
    door.add("mei", Role.ADMIN)
    door.give_phone(door.token())
    secret, codes = door.give_phone(door.token(account="mei", password=OWN_PASSWORD))
    door.clock.advance(60_000)
    assert door.try_in(code=door.code(secret)) == Refused("wrong_code", 401)
    assert door.try_in(code=codes[0]) == Refused("wrong_code", 401)
    with door.database.write() as tx:
        mei = accounts.user_of(tx, "mei")
        assert mei is not None
        accounts.set_totp(tx, "admin", mei.totp, 0)
    with pytest.raises(boxes.BoxError, match="moved"):
        door.try_in(code=door.code(secret))


def test_a_lost_phone_is_reset_and_the_next_sign_in_sets_another_one_up(strict):
    half = strict.sign_in()
    draft = strict.held.sign_in.set_up(half.token)
    assert strict.held.sign_in.set_up(half.token) == draft, "a reload shows the same code"
    strict.held.sign_in.finish_set_up(half.token, strict.code(draft.secret), HERE)
    assert strict.sign_in().stage == "code"
    strict.held.accounts.reset_second_factor("admin", ADMIN.__class__("cli"))
    again = strict.sign_in()
    assert again.stage == "set_up"
    assert strict.held.sign_in.set_up(again.token).secret != draft.secret


def test_ten_wrong_codes_lock_the_second_step_for_half_an_hour(door):
    secret, codes = door.give_phone(door.token())
    token = door.sign_in().token
    answers = []
    for _ in range(200):
        answers.append(door.held.sign_in.show_code(token, "000000", HERE).code)
        door.clock.advance(1_000)
    assert answers.count("wrong_code") == 10
    half = door.sign_in()
    assert door.held.sign_in.show_code(half.token, codes[0], HERE).code == "signin_locked"
    door.clock.advance(30 * 60_000)
    assert isinstance(door.held.sign_in.show_code(door.sign_in().token, door.code(secret), HERE), SignedIn)
    assert len(door.log("signin.locked")) == 1


# ------------------------------------------------------------------------------------------------------------- users


def test_a_handed_out_password_is_replaced_before_anything_else(each_door):
    made = each_door.held.accounts.add("mei", "Chen Mei", Role.FINANCE, ADMIN)
    half = each_door.sign_in(made.password, "mei")
    assert half.stage == "password"
    choose = each_door.held.sign_in.choose_password
    assert choose(half.token, "short", HERE) == Refused("password_short", 422)
    assert choose(half.token, "chenmei chenmei", HERE).code in {"password_common", "password_name"}
    assert choose(half.token, made.password, HERE) == Refused("password_same", 422)
    done = choose(half.token, OWN_PASSWORD, HERE)
    assert isinstance(done, SignedIn)
    assert each_door.lives(done.token)
    assert each_door.try_in(made.password, "mei").code == "wrong_password"
    assert each_door.sign_in(OWN_PASSWORD, "mei").stage == "full"


@pytest.mark.parametrize("account", ["", "A B", "system", "cli", "x", "-a", "a" * 33, "méi", "store:one"])
def test_an_account_has_a_plain_name(door, account):
    assert door.held.accounts.add(account, "Somebody", Role.VIEWER, ADMIN) == Refused("bad_account", 422)


def test_an_account_is_made_once_and_never_as_a_program(door):
    door.add("mei", Role.VIEWER)
    held = door.held.accounts
    assert held.add("Mei", "Somebody", Role.VIEWER, ADMIN) == Refused("account_taken", 409)
    assert held.add("robot", "Robot", Role.PROGRAM, ADMIN) == Refused("bad_role", 422)
    assert held.set_role("mei", Role.PROGRAM, ADMIN) == Refused("bad_role", 422)
    assert held.add("li", "a\nb", Role.VIEWER, ADMIN).code == "bad_name"


def test_nobody_changes_ones_own_role_and_the_last_admin_stays(door):
    door.add("mei", Role.ADMIN)
    held, mei = door.held.accounts, ADMIN.__class__("mei")
    assert held.set_role("admin", Role.VIEWER, ADMIN) == Refused("own_account", 409)
    assert held.disable("admin", ADMIN) == Refused("own_account", 409)
    assert held.disable("admin", mei) is None
    assert held.set_role("mei", Role.VIEWER, ADMIN.__class__("cli")) == Refused("last_admin", 409)
    assert held.disable("mei", ADMIN.__class__("cli")) == Refused("last_admin", 409)
    assert held.disable("nobody", ADMIN) == Refused("unknown_user", 404)
    assert held.enable("admin", mei) is None
    assert held.disable("mei", ADMIN) is None


def test_a_disabled_user_is_told_nothing_but_that_the_password_is_wrong(door):
    door.add("mei", Role.VIEWER)
    door.held.accounts.disable("mei", ADMIN)
    wrong = door.try_in(OWN_PASSWORD, "mei")
    assert wrong == door.try_in(OWN_PASSWORD, "nobody-at-all") == Refused("wrong_password", 401)


def test_a_name_that_is_nobodys_costs_a_comparison_too(door):
    door.try_in("whatever", "nobody-at-all")
    assert door.vault.compared == 1


# -------------------------------------------------------------------------------------------------- the password file


def test_a_changed_password_file_wins_and_ends_the_sessions(door):
    token = door.token()
    door.restart(PASSWORD)
    assert door.lives(token)
    door.restart("another password of mine")
    assert not door.lives(token)
    assert door.sign_in("another password of mine").stage == "full"


def test_a_password_chosen_on_the_page_outlives_a_start_with_the_old_file(door):
    person = door.held.sessions.person(door.token())
    assert person is not None
    assert door.held.accounts.change_password("admin", OWN_PASSWORD, b"", ADMIN) is None
    door.restart(PASSWORD)
    assert door.try_in(PASSWORD).code == "wrong_password"
    assert door.sign_in(OWN_PASSWORD).stage == "full"


def test_a_changed_file_lets_a_disabled_demoted_and_locked_admin_in_again(door):
    door.add("mei", Role.ADMIN)
    mei = ADMIN.__class__("mei")
    door.held.accounts.set_role("admin", Role.VIEWER, mei)
    door.held.accounts.disable("admin", mei)
    for _ in range(20):
        door.try_in("no")
    door.restart("another password of mine")
    person = door.held.sessions.person(door.token(password="another password of mine"))
    assert person is not None
    assert person.role is Role.ADMIN


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 1_000_000])
def test_an_odd_password_name_or_token_is_a_wrong_one(door, text):
    assert door.try_in(text) == Refused("wrong_password", 401)
    assert door.try_in(PASSWORD, text) == Refused("wrong_password", 401)
    assert not door.lives(text)
    assert not door.held.programs.knows(text)


def test_a_program_shows_its_token(door):
    assert door.held.programs.knows("program")
    assert not door.held.programs.knows("programme")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_one_account_of_an_older_hub_becomes_the_admin(kind, request, tmp_path):
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if kind == "postgresql":
        cluster = request.getfixturevalue("postgres")
        url = cluster.url(cluster.make_database())
    database = open_engine(url)
    migrate.migrate(database, "0004_keys")
    vault = Vault(b"pepper", QUICK_COST)
    with database.write() as tx:
        run = tx.connection.exec_driver_sql
        run(f"INSERT INTO accounts VALUES ('console', '{vault.hash(PASSWORD)}', 3, NULL)")
        token = "X'01'" if kind == "sqlite" else "'01'::bytea"
        run(f"INSERT INTO sessions VALUES ({token}, 'console', 1, 1)")
    migrate.migrate(database)
    door = Door(database, tmp_path)
    assert door.sign_in().stage == "full"
    assert [row.action for row in door.log()] == ["signin.done"], "the file was applied before"
    database.close()
