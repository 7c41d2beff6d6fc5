"""The device page in a real browser: states that change by themselves, slips, calibration, keyboard, both languages, sizes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from drivers.printer.calibration import QUESTIONS
from edge.db import device_memory, print_jobs
from edge.domain import slip_rules
from edge.services.printing import slips
from tests.kit.device_nodes import DeviceNode
from tests.kit.waiting import PATIENCE_S

SOON_MS = PATIENCE_S * 1_000
ANSWERS = {
    "columns": "48",
    "width_dots": "576",
    "chinese": "yes",
    "dots": "yes",
    "fourbyte": "no",
    "qr": "no",
    "barcode": "yes",
    "buzzer": "0",
    "cut": "yes",
}
# The contrast that WCAG 2.x computes between a text and the nearest ground that is painted behind it.
WEAK_TEXTS = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest("svg") || !node.checkVisibility()) continue;
    const [one, other] = [luminance(parse(getComputedStyle(node).color)), luminance(ground(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) weak.push(`${node.tagName}.${node.className} ${node.textContent.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return weak;
}"""
SMALL_KEYS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]):not([type=checkbox]), textarea, label.key")]
  .filter((node) => node.checkVisibility() && !node.matches(".skip"))
  .map((node) => [node, node.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([node, box]) => `${node.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceNode]:
    made = DeviceNode(tmp_path_factory.mktemp("devices"))
    yield made
    made.stop()


@pytest.fixture
def house(running: DeviceNode) -> Iterator[DeviceNode]:
    """The node with both printers well and nothing waiting, before and after."""
    yield running
    for printer in ("counter", "kitchen"):
        running.fault(printer, paper_out=False, cover_open=False)
        slips.hold(running.node, printer, held=False)

    def nothing_waits() -> bool:
        for job in slips.open_jobs(running.node):
            # One that was just being sent may end up here, too.
            if job.state in {"held", "unknown"}:
                slips.discard(running.node, job.job_id, "test")
        return not slips.open_jobs(running.node)

    running.until(nothing_waits)


def sign_in(page: Page, house: DeviceNode, path: str = "/devices") -> None:
    answer = page.request.post(f"{house.url}/api/v1/session", data={"pin": house.pin, "till": "1"})
    assert answer.status == 200
    page.goto(f"{house.url}{path}")


def complaints(page: Page) -> list[str]:
    """What the console says from now on; a breach of the content policy would stand there."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_a_stranger_is_led_to_the_sign_in(page: Page, house: DeviceNode) -> None:
    page.goto(f"{house.url}/devices")
    expect(page.get_by_test_id("door")).to_be_visible()
    expect(page.get_by_test_id("device-counter")).to_have_count(0)


def test_the_state_changes_by_itself_in_words_shape_and_picture_and_comes_back(page: Page, house: DeviceNode) -> None:
    said = complaints(page)
    page.set_viewport_size({"width": 1280, "height": 500})
    sign_in(page, house, "/devices/counter")
    state, dot = page.get_by_test_id("state"), page.get_by_test_id("state").locator(".dot")
    expect(state).to_have_text("就绪", timeout=SOON_MS)
    page.get_by_test_id("do-test").focus()
    page.evaluate("window.scrollTo(0, 60)")
    house.fault(paper_out=True)
    house.sell()
    expect(state).to_have_text("有故障·没有纸", timeout=SOON_MS)
    expect(dot).to_have_class("dot danger")
    expect(page.get_by_test_id("remedy")).to_have_text("装一卷新纸，合上盖子。")
    expect(page.get_by_test_id("picture")).to_have_attribute("data-picture", "paper_out")
    expect(page.get_by_test_id("device-counter")).to_contain_text("没有纸")
    expect(page.get_by_test_id("do-retry")).to_be_visible()
    # Nothing was taken out of anybody's hands.
    expect(page.get_by_test_id("do-test")).to_be_focused()
    assert page.evaluate("window.scrollY") == 60
    house.fault(paper_out=False)
    expect(state).to_have_text("就绪", timeout=SOON_MS)
    expect(dot).to_have_class("dot ok")
    expect(page.get_by_test_id("picture")).to_have_attribute("data-picture", "well")
    expect(page.get_by_test_id("log")).to_contain_text("没有纸")
    assert said == []


def test_a_test_slip_comes_out_and_a_held_printer_keeps_it(page: Page, house: DeviceNode) -> None:
    sign_in(page, house, "/devices/counter")
    before = len(house.slips())
    page.get_by_test_id("do-hold").click()
    expect(page.get_by_test_id("said")).to_have_text("已暂停。")
    expect(page.get_by_test_id("state")).to_have_text("暂停中", timeout=SOON_MS)
    page.get_by_test_id("do-test").click()
    expect(page.get_by_test_id("said")).to_have_text("试印单已排队。")
    expect(page.get_by_test_id("waiting")).to_have_text("1", timeout=SOON_MS)
    assert len(house.slips()) == before
    page.get_by_test_id("do-hold").click()
    expect(page.get_by_test_id("waiting")).to_have_text("0", timeout=SOON_MS)
    house.until(lambda: len(house.slips()) == before + 1)
    assert "TEST" in house.slips()[-1]


def test_a_slip_that_waits_is_sent_to_the_other_printer_with_its_origin_on_it(page: Page, house: DeviceNode) -> None:
    house.fault(paper_out=True)
    number = house.sell().receipt_no
    sign_in(page, house)
    job = next(job for job in slips.open_jobs(house.node) if job.label == number)
    page.locator(f"#to-kitchen-{job.job_id}").click(timeout=SOON_MS)
    expect(page.get_by_test_id("said")).to_have_text("小票已改到别台。")
    expect(page.get_by_test_id("slips-none")).to_be_visible(timeout=SOON_MS)
    house.until(lambda: any(number in slip for slip in house.slips("kitchen")))
    assert "前台小票机" in house.slips("kitchen")[-1]


def test_a_slip_is_given_up_with_a_reason_by_keyboard_alone(page: Page, house: DeviceNode) -> None:
    house.fault(cover_open=True)
    number = house.sell().receipt_no
    sign_in(page, house, "/devices/counter")
    job = next(job for job in slips.open_jobs(house.node) if job.label == number)
    discard = page.get_by_test_id(f"discard-{job.job_id}")
    expect(discard).to_be_visible(timeout=SOON_MS)
    for _ in range(60):
        page.keyboard.press("Tab")
        if discard.evaluate("node => node === document.activeElement"):
            break
    expect(discard).to_be_focused()
    outline = discard.evaluate("node => getComputedStyle(node).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    reason = page.get_by_test_id("why-guest_left")
    expect(reason).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if reason.evaluate("node => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("said")).to_have_text("小票已作废。")
    expect(page.get_by_test_id(f"slip-{job.job_id}")).to_have_count(0, timeout=SOON_MS)
    with house.node.db.read() as reader:
        gone = print_jobs.by_id(reader, job.job_id)
    assert gone is not None
    assert (gone.state, gone.reason) == ("discarded", "客人不要")


def test_what_waited_for_long_is_answered_at_once(page: Page, house: DeviceNode) -> None:
    slips.hold(house.node, "counter", held=True)
    house.until(lambda: next(view for view in house.running.desk.devices() if view.id == "counter").held)
    numbers = [house.sell().receipt_no for _ in range(3)]
    for job in slips.open_jobs(house.node):
        house.node.db.write(lambda tx, job=job: print_jobs.ask(tx, job.job_id, slip_rules.STALE))  # type: ignore[misc]
    sign_in(page, house)
    expect(page.get_by_test_id("stale-counter")).to_contain_text("3 张", timeout=SOON_MS)
    page.locator("#print-stale-counter").click()
    expect(page.get_by_test_id("said")).to_have_text("已处理 3 张。")
    slips.hold(house.node, "counter", held=False)
    house.until(lambda: all(any(number in slip for slip in house.slips()) for number in numbers))
    printed = [next(number for number in numbers if number in slip) for slip in house.slips()[-3:]]
    assert printed == numbers


def test_a_printer_is_calibrated_from_the_slip_to_the_profile_and_back(page: Page, house: DeviceNode) -> None:
    sign_in(page, house, "/devices/counter")
    page.get_by_test_id("do-calibrate").click()
    before = len(house.slips())
    page.get_by_test_id("print-calibration").click()
    expect(page.get_by_test_id("said")).to_have_text("校准单已排队。")
    house.until(lambda: any("中文打印" in slip for slip in house.slips()[before:]))
    page.get_by_test_id("begin").click()
    for question in QUESTIONS:
        expect(page.get_by_test_id("question")).to_have_attribute("data-key", question.key)
        if question.many:
            page.get_by_test_id("answer-D1").check()
            page.get_by_test_id("answer-D3").check()
            page.get_by_test_id("next").click()
        else:
            page.get_by_test_id(f"answer-{ANSWERS[question.key]}").click()
    expect(page.get_by_test_id("found-profile")).to_be_visible()
    expect(page.get_by_test_id("wizard")).to_contain_text("自己画二维码")
    # Back is back: the last question again, and then on.
    page.go_back()
    expect(page.get_by_test_id("question")).to_have_attribute("data-key", "cut")
    page.get_by_test_id("answer-yes").click()
    before = len(house.slips())
    page.get_by_test_id("print-trial").click()
    expect(page.get_by_test_id("said")).to_contain_text("新档案")
    house.until(lambda: len(house.slips()) > before)
    assert "epson-80-calibrated" in house.slips()[-1]
    page.get_by_test_id("keep").click()
    expect(page.get_by_test_id("calibrated")).to_be_visible()
    with house.node.db.read() as reader:
        assert '"native_qr":false' in device_memory.recall(reader, "counter")[device_memory.PROFILE]
    page.get_by_test_id("do-uncalibrate").click()
    expect(page.get_by_test_id("calibrated")).to_have_count(0, timeout=SOON_MS)
    with house.node.db.read() as reader:
        assert device_memory.PROFILE not in device_memory.recall(reader, "counter")


def test_the_drawer_is_opened_for_a_reason_that_is_typed(page: Page, house: DeviceNode) -> None:
    sign_in(page, house, "/devices/drawer")
    page.locator("#open-other").fill("keys fell in")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("said")).to_contain_text("钱箱")
    expect(page.get_by_test_id("log")).to_contain_text("钱箱打开", timeout=SOON_MS)


def test_wrong_rows_and_missing_devices_are_explained(page: Page, house: DeviceNode) -> None:
    sign_in(page, house)
    expect(page.get_by_test_id("problem-5")).to_contain_text("没有这台打印机")
    expect(page.get_by_test_id("device-scanner-1")).to_contain_text("没有插上")
    page.get_by_test_id("device-scanner-1").click()
    expect(page.get_by_test_id("remedy")).to_have_text("插上设备，或把它从设置里去掉。")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("language", "word"), [("zh", "设备"), ("en", "Devices")])
def test_every_text_can_be_read_and_every_key_be_hit_in_both_languages_and_themes(
    page: Page, house: DeviceNode, language: str, word: str, theme: str
) -> None:
    house.fault(paper_out=True)
    house.sell()
    sign_in(page, house, f"/devices?lang={language}&theme={theme}")
    expect(page.locator("h1")).to_have_text(word)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    paths = (
        "/devices",
        "/devices/counter",
        "/devices/drawer",
        "/devices/scanner-1",
        "/devices/counter/calibrate",
        "/devices/counter/calibrate?begin=1",
    )
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        for path in paths:
            page.goto(f"{house.url}{path}")
            assert page.evaluate(WEAK_TEXTS) == [], path
            assert page.evaluate(SMALL_KEYS) == [], path
            assert not page.evaluate(WIDER_THAN_THE_SCREEN), (path, width)


def test_the_measures_would_find_a_weak_text_and_a_small_key(page: Page, house: DeviceNode) -> None:
    """The negative control."""
    sign_in(page, house)
    page.evaluate("document.querySelector('h1').style.color = 'rgb(190, 195, 190)'")
    page.evaluate("document.querySelector('.plain').style.cssText = 'min-height: 20px; height: 20px'")
    assert page.evaluate(WEAK_TEXTS)
    assert page.evaluate(SMALL_KEYS)


def test_the_page_says_when_the_node_is_silent(page: Page, house: DeviceNode) -> None:
    sign_in(page, house, "/devices/counter")
    page.route("**/_parts*", lambda route: route.abort())
    expect(page.locator("#away")).to_be_visible(timeout=SOON_MS)
    page.unroute("**/_parts*")
    expect(page.locator("#away")).to_be_hidden(timeout=SOON_MS)


def test_without_scripts_everything_can_be_done_still(house: DeviceNode, page: Page) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(java_script_enabled=False, locale="en")
    plain = context.new_page()
    sign_in(plain, house, "/devices/counter?lang=en")
    plain.locator("#do-hold").click()
    expect(plain.get_by_test_id("said")).to_have_text("On hold.")
    plain.locator("#do-hold").click()
    expect(plain.get_by_test_id("said")).to_have_text("Released.")
    context.close()


# --------------------------------------------------------------------------------------------------------- at the till
def open_till(page: Page, house: DeviceNode) -> None:
    sign_in(page, house, "/till/")
    expect(page.get_by_test_id("state-printer")).to_be_visible(timeout=SOON_MS)


def test_the_till_sends_a_slip_elsewhere_or_shows_it_on_the_guests_phone(page: Page, house: DeviceNode) -> None:
    house.fault(paper_out=True)
    first, second = house.sell(), house.sell()
    open_till(page, house)
    page.get_by_test_id("state-printer").click()
    jobs = {job.label: job.job_id for job in slips.open_jobs(house.node)}
    house.until(lambda: all(job.state == "held" for job in slips.open_jobs(house.node)) or bool(jobs))
    page.get_by_test_id(f"other-{jobs[first.receipt_no]}").click(timeout=SOON_MS)
    page.get_by_test_id(f"to-kitchen-{jobs[first.receipt_no]}").click()
    house.until(lambda: any(first.receipt_no in slip for slip in house.slips("kitchen")))

    page.get_by_test_id(f"phone-{jobs[second.receipt_no]}").click(timeout=SOON_MS)
    code = page.get_by_test_id(f"e-receipt-{jobs[second.receipt_no]}").locator("svg.qr")
    expect(code).to_be_visible(timeout=SOON_MS)
    assert second.sale_id in page.get_by_test_id(f"e-receipt-{jobs[second.receipt_no]}").inner_text().lower()
    page.get_by_test_id(f"e-receipt-done-{jobs[second.receipt_no]}").click()
    expect(page.get_by_test_id("slips-none")).to_be_visible(timeout=SOON_MS)


def test_the_till_leads_to_the_devices_in_its_own_language(page: Page, house: DeviceNode) -> None:
    open_till(page, house)
    expect(page.get_by_test_id("state-devices")).to_contain_text("1 台设备", timeout=SOON_MS)
    page.get_by_test_id("state-devices").click()
    expect(page.locator("h1")).to_have_text("设备")
    page.get_by_test_id("language").click()
    expect(page.locator("h1")).to_have_text("Devices")
    page.goto(f"{house.url}/devices/counter")
    expect(page.get_by_test_id("do-test")).to_have_text("Test slip")


def test_the_till_answers_for_slips_that_waited_for_long(page: Page, house: DeviceNode, tmp_path: Path) -> None:
    slips.hold(house.node, "counter", held=True)
    house.until(lambda: next(view for view in house.running.desk.devices() if view.id == "counter").held)
    for _ in range(2):
        house.sell()
    for job in slips.open_jobs(house.node):
        house.node.db.write(lambda tx, job=job: print_jobs.ask(tx, job.job_id, slip_rules.STALE))  # type: ignore[misc]
    open_till(page, house)
    page.get_by_test_id("state-printer").click()
    expect(page.get_by_test_id("stale-counter")).to_contain_text("2 张", timeout=SOON_MS)
    page.get_by_test_id("stale-discard-counter").click()
    page.get_by_test_id("stale-sure-counter").click()
    expect(page.get_by_test_id("slips-none")).to_be_visible(timeout=SOON_MS)
