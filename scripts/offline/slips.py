"""Slips that wait, and the devices page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts.offline.counter import Counter
from scripts.offline.frame import drives, hold
from scripts.offline.world import wait_for


def jobs(counter: Counter) -> list[dict[str, Any]]:
    """List what waits for a printer or for a person."""
    found: list[dict[str, Any]] = counter.do("GET", "print-jobs")["jobs"]
    return found


@contextmanager
def out_of_paper(counter: Counter) -> Iterator[dict[str, Any]]:
    """Take the paper out, sell, and give the slip that waits; the paper is put in again afterwards."""
    counter.paper.faults(paper_out=True)
    try:
        sale = counter.sell()
        waiting: list[dict[str, Any]] = []

        def held() -> bool:
            waiting[:] = [one for one in jobs(counter) if one["sale_id"] == sale["sale_id"] and one["state"] == "held"]
            return bool(waiting)

        wait_for(held, "the slip to be held", 20)
        yield {**waiting[0], "sale": sale}
    finally:
        counter.paper.faults(paper_out=False)


def gone(counter: Counter, job_id: str) -> None:
    """Wait until a slip waits no more."""
    wait_for(lambda: job_id not in {one["id"] for one in jobs(counter)}, "the slip to be settled", 30)


@drives("slips.see")
def see(counter: Counter) -> None:
    """Without paper the receipt waits and is named; with paper it prints by itself."""
    with out_of_paper(counter) as slip:
        hold(slip["receipt_no"] == slip["sale"]["receipt_no"], "the slip is named")
    counter.paper.comes(slip["receipt_no"], without="REPRINT")


@drives("slips.retry")
def retry(counter: Counter) -> None:
    """A person has it tried again at once."""
    with out_of_paper(counter) as slip:
        counter.paper.faults(paper_out=False)
        answer = counter.ask("POST", f"print-jobs/{slip['id']}/retry")
        hold(answer.fine or answer.body["code"] == "not_found", f"it is tried again: {answer.body}")
        counter.paper.comes(slip["receipt_no"])


@drives("slips.discard")
def discard(counter: Counter) -> None:
    """The guest is gone: the slip is given up with a reason and never comes."""
    with out_of_paper(counter) as slip:
        counter.do("POST", f"print-jobs/{slip['id']}/discard", {"reason": "guest left"})
        gone(counter, slip["id"])
    later = counter.sell()
    counter.paper.comes(later["receipt_no"])
    hold(not any(slip["receipt_no"] in sheet.text for sheet in counter.paper.fresh()), "it never comes")


@drives("slips.redirect")
def redirect(counter: Counter) -> None:
    """The kitchen's printer prints the receipt instead."""
    assert counter.desk_url
    with out_of_paper(counter) as slip:
        counter.kitchen_paper.mark()
        counter.do("POST", f"print-jobs/{slip['id']}/redirect", {"printer": "kitchen"})
        counter.kitchen_paper.comes(slip["receipt_no"])


@drives("slips.stale")
def stale(counter: Counter) -> None:
    """A receipt that waited for half an hour asks before it prints; one answer settles all of them."""
    with out_of_paper(counter) as slip:
        counter.world.move_on(0.5, counter.now_ms)
    wait_for(lambda: any(one["id"] == slip["id"] and one["asks"] for one in jobs(counter)), "the slip to ask", 30)
    counter.do("POST", "printers/counter/stale", {"answer": "print"})
    counter.paper.comes(slip["receipt_no"], without="REPRINT")


# ----------------------------------------------------------------------------------------------------------- the devices
def state_of(counter: Counter, device: str = "counter") -> dict[str, Any]:
    """Give a device as the page shows it."""
    listed = counter.do("GET", "devices")["devices"]
    found: dict[str, Any] = next(one for one in listed if one["id"] == device)
    return found


@drives("devices.see")
def devices(counter: Counter) -> None:
    """Every device with its state in words."""
    hold(state_of(counter)["state"] in {"ready", "busy"}, "the printer is ready")
    for path in ("/devices", "/devices/", "/devices/counter", "/devices/_parts", "/devices/counter/_parts"):
        answer = counter.ask("GET", path)
        hold(answer.fine, f"{path}: {answer.status}")
    hold("Counter" in counter.page("/devices"), "the page names the printer")


@drives("devices.hold")
def hold_device(counter: Counter) -> None:
    """A printer that is held keeps its slips."""
    counter.do("POST", "devices/counter/hold")
    try:
        sale = counter.sell()
        hold(any(one["sale_id"] == sale["sale_id"] for one in jobs(counter)), "the slip waits")
    finally:
        counter.do("POST", "devices/counter/release")
    counter.paper.comes(sale["receipt_no"])


@drives("devices.release")
def release(counter: Counter) -> None:
    """What a held printer kept comes out, unmarked."""
    counter.form("/devices/counter/hold")
    sale = counter.sell()
    counter.form("/devices/counter/release")
    counter.paper.comes(sale["receipt_no"], without="REPRINT")


@drives("devices.retry")
def retry_device(counter: Counter) -> None:
    """A device is tried again at once."""
    counter.do("POST", "devices/counter/retry")
    wait_for(lambda: state_of(counter)["state"] in {"ready", "busy"}, "the printer to be ready", 20)


@drives("devices.accept")
def accept(counter: Counter) -> None:
    """Another printer may stand there from now on, and prints."""
    answer = counter.ask("POST", "devices/counter/accept")
    hold(answer.fine or answer.body["code"] in {"no_such_action", "not_found"}, f"it is answered: {answer.body}")
    sale = counter.sell()
    counter.paper.comes(sale["receipt_no"])


@drives("devices.test")
def test_slip(counter: Counter) -> None:
    """A test slip comes out."""
    counter.paper.mark()
    counter.do("POST", "devices/counter/test")
    counter.paper.comes("counter")


@drives("devices.calibrate")
def calibrate(counter: Counter) -> None:
    """The calibration slip comes out, and the page asks what is on it."""
    counter.paper.mark()
    hold("counter" in counter.page("/devices/counter/calibrate").lower(), "the page begins")
    counter.form("/devices/counter/calibration")
    wait_for(counter.paper.fresh, "the calibration slip", 20)
    hold("calibrate" in counter.page("/devices/counter/calibrate?begin=1"), "the page asks")
