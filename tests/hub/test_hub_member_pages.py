"""The console's pages of members: masked, found by the number, points by hand with a second person, in clear with a reason, erased."""

from cloud.domain.roles import Role
from sync.contract.member_cards import Profile
from sync.contract.members import Consent, Origin
from tests.hub.test_hub_people_http import Hub, hub, send

__all__ = ["hub"]

PHONE, NAME = "+8613800138000", "Wang Xiaoming"
YES = (Consent(purpose="membership", given=True, text="v1", channel="phone"),)


def joined(hub: Hub) -> str:
    made = hub.core.hub.members.joining.join(
        Profile(phone=PHONE, name=NAME), YES, Origin(place="slip", store="s1", code="ab")
    )
    return made.member_id


def test_a_member_is_found_and_shown_masked_and_erased(hub: Hub) -> None:
    member_id, admin = joined(hub), hub.as_role(Role.ADMIN)
    found = send(admin, "/members", q="138 0013 8000").get_data(as_text=True)
    assert f"/members/{member_id}" in found
    page = admin.get(f"/members/{member_id}").get_data(as_text=True)
    assert "138****8000" in page
    assert NAME not in page + found
    assert admin.get("/members/liability").status_code == 200
    path = f"/members/{member_id}"
    assert send(admin, f"{path}/reveal", where=path, reason="x").status_code == 409
    assert NAME in send(admin, f"{path}/reveal", where=path, reason="to call them").get_data(as_text=True)
    held = send(admin, f"{path}/export", where=path, reason="they asked").get_json()
    assert held["profile"]["phone"] == PHONE
    assert send(admin, f"{path}/erase", where=path, reason="they asked").status_code == 422
    assert send(admin, f"{path}/erase", where=path, reason="they asked", sure="yes").status_code == 303
    assert admin.get(path).status_code == 404


def test_nobody_allows_their_own_points_and_another_person_does(hub: Hub) -> None:
    member_id, admin = joined(hub), hub.as_role(Role.ADMIN)
    path = f"/members/{member_id}"
    most = hub.core.hub.settings.members.alone_max
    assert send(admin, f"{path}/issue", where=path, points="many", reason="a mistake").status_code == 422
    assert send(admin, f"{path}/issue", where=path, points=str(most + 1), reason="a mistake").status_code == 303
    desk = hub.core.hub.members.desk
    before, issue = desk.page(member_id).points, desk.waiting_issues()[0]
    assert send(admin, f"/members/issues/{issue.issue_id}", where=path, allow="yes").status_code == 409
    other = hub.as_role(Role.OPERATIONS)
    assert send(other, f"/members/issues/{issue.issue_id}", where="/members", allow="yes").status_code == 303
    assert desk.page(member_id).points == before + most + 1
