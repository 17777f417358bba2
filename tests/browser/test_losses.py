"""What was lost, why and where, and the rule by which frames are dropped: set, told, taken back."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Locator, Page, expect

from paretoscope.adapters.store import Store
from paretoscope.contract import Fault, StreamPolicy
from serving import SmallWorker, put, put_worked, results

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def counted(page: Page, what: str) -> Locator:
    return page.locator(f'#losses-rows tr[data-counted="{what}"] td.mono')


@pytest.fixture
def seen(page: Page, store: Store) -> Page:
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    return page


def work(store: Store) -> None:
    claim = store.claim_frame("w", 1.0)
    assert claim is not None
    store.finish_frame(claim, results(claim.frame_id))


def test_every_loss_is_counted_by_its_reason_as_it_happens(seen: Page, store: Store):
    opener = seen.locator("#losses-open")
    expect(opener).to_have_text("nothing lost")
    opener.click()
    store.set_policy("stem", StreamPolicy(drop="newest"))
    for sequence in (1, 2, 5):
        put(store, sequence)
    work(store)
    store.set_policy("stem", StreamPolicy(drop="drop"))
    put(store, 6)
    claim = store.claim_frame("w", 1.0)
    assert claim is not None
    put(store, 7)
    store.finish_frame(claim, results(claim.frame_id))
    assert store.claim_frame("w") is None
    put(store, 7)
    store.set_policy("stem", StreamPolicy(max_age_s=0.05))
    put(store, 8)
    time.sleep(0.1)
    assert store.claim_frame("w") is None
    store.set_policy("stem", StreamPolicy())
    put(store, 9)
    claim = store.claim_frame("w", 1.0)
    assert claim is not None
    store.fail_frame(claim, Fault(code="constant-image", hint="Open the beam."))
    expect(counted(seen, "refused or failed: constant-image")).to_have_text("1")
    expect(counted(seen, "received")).to_have_text("8")
    expect(counted(seen, "missing")).to_have_text("2")
    expect(counted(seen, "dropped: a newer one came")).to_have_text("2")
    expect(counted(seen, "dropped: the stream was busy")).to_have_text("1")
    expect(counted(seen, "dropped: it had waited too long")).to_have_text("1")
    expect(counted(seen, "came twice")).to_have_text("1")
    expect(opener).to_contain_text("7 lost")
    held = store.tally("stem")
    assert int(held["dropped"]) == sum(int(n) for name, n in held.items() if name.startswith("dropped:"))


def test_losses_are_marked_where_they_happened(seen: Page, store: Store):
    put_worked(store, 1)
    put_worked(store, 5)
    bars = seen.locator("#strip i")
    expect(bars).to_have_count(4)
    expect(bars.nth(2)).to_have_attribute("data-missing", "−3")
    mark = seen.locator("#loss-marks i")
    expect(mark).to_have_count(1)
    expect(mark).to_have_attribute("title", "stem-e1-000005: 3 frames missing just before it")


def test_a_rule_that_drops_frames_is_asked_twice_and_taken_back(seen: Page, store: Store):
    for sequence in (1, 2, 3):
        put(store, sequence)
    expect(seen.locator("#strip-note")).to_contain_text("3 waiting")
    seen.keyboard.press("d")
    seen.get_by_label("Keep the newest", exact=False).first.check()
    seen.get_by_label("How many of the newest frames are kept").fill("2")
    seen.get_by_label("Longest wait", exact=True).fill("3")
    seen.get_by_label("Unit of the longest wait").select_option("min")
    expect(seen.locator("#max-age-told")).to_contain_text("waited 3 min is dropped when its turn comes")
    expect(seen.locator("#max-age-told")).to_contain_text("about 360 frames of this scan")
    seen.get_by_role("button", name="Use from the next frame").last.click()
    expect(seen.locator("#drop-sure-words")).to_contain_text("3 frames wait now")
    assert store.policy("stem").drop == "wait", "not before it is said twice"
    seen.get_by_role("button", name="Yes, drop frames").click()
    expect(seen.locator("#losses-open")).to_contain_text("newest 2 kept, none older than 3 min")
    kept = store.policy("stem")
    assert (kept.drop, kept.keep_newest, kept.max_age_s) == ("newest", 2, 180.0)
    seen.get_by_role("button", name="Undo: every frame in order").click()
    expect(seen.locator("#drop-now")).to_have_text("In force: every frame in order.")
    assert (store.policy("stem").drop, store.policy("stem").max_age_s) == ("wait", None)


def test_only_the_rule_is_changed_and_one_thinks_better_of_it(seen: Page, store: Store):
    store.set_policy("stem", StreamPolicy(deadline_s=7.5, count=300))
    seen.keyboard.press("d")
    seen.get_by_label("Drop while busy", exact=False).check()
    seen.get_by_role("button", name="Use from the next frame").last.click()
    seen.get_by_role("button", name="Leave it as it is").click()
    expect(seen.get_by_role("radio", name="Wait. Every")).to_be_checked()
    seen.get_by_label("Drop while busy", exact=False).check()
    seen.get_by_role("button", name="Use from the next frame").last.click()
    seen.get_by_role("button", name="Yes, drop frames").click()
    expect(seen.locator("#drop-now")).to_have_text("In force: dropped while busy.")
    kept = store.policy("stem")
    assert (kept.drop, kept.deadline_s, kept.count) == ("drop", 7.5, 300)


def test_a_rule_that_somebody_else_set_is_told_and_what_one_types_stays(seen: Page, store: Store):
    seen.keyboard.press("d")
    seen.get_by_label("Longest wait", exact=True).fill("40")
    store.set_policy("stem", StreamPolicy(drop="newest", keep_newest=3))
    told = seen.locator("#drop-other")
    expect(told).to_contain_text("Somebody else changed it: every frame in order → newest 3 kept.")
    expect(told).to_contain_text("What you have set here is not in force")
    expect(seen.get_by_role("alert")).to_contain_text("newest 3 kept")
    expect(seen.get_by_label("Longest wait", exact=True)).to_have_value("40")
    expect(seen.locator("#drop-now")).to_have_text("In force: newest 3 kept.")
    store.set_policy("stem", StreamPolicy(drop="newest", keep_newest=3, deadline_s=1.0))
    expect(seen.get_by_role("alert")).to_contain_text("Somebody else changed deadline s of stem")


def test_a_rule_the_service_refuses_is_told_in_words(seen: Page, store: Store):
    seen.keyboard.press("d")
    seen.get_by_label("Keep the newest", exact=False).first.check()
    seen.get_by_label("How many of the newest frames are kept").evaluate(
        "(input) => { input.removeAttribute('max'); input.value = 20000; }"
    )
    seen.get_by_role("button", name="Use from the next frame").last.click()
    seen.get_by_role("button", name="Yes, drop frames").click()
    expect(seen.locator("#drop-wrong")).to_contain_text("keep_newest")
    assert store.policy("stem").drop == "wait"


def test_dead_letters_are_seen_fetched_analysed_again_and_let_go(seen: Page, store: Store):
    for sequence in (1, 2):
        put(store, sequence)
        claim = store.claim_frame("w", 1.0)
        assert claim is not None
        store.bury_frame(claim, Fault(code="worker-died", hint="3 workers died over this frame."))
    seen.keyboard.press("h")
    letters = seen.locator("#dead-letters li")
    expect(letters).to_have_count(2)
    newest = letters.first
    expect(newest).to_contain_text("stem-e1-000002")
    expect(newest).to_contain_text("3 workers died over this frame.")
    expect(newest.locator("img")).to_have_js_property("complete", True)
    with seen.expect_download() as fetched:
        newest.get_by_role("button", name="Pixels").click()
    assert fetched.value.suggested_filename == "stem-e1-000002.npy"
    assert fetched.value.path().read_bytes().startswith(b"\x93NUMPY")
    newest.get_by_role("button", name="Let go").click()
    assert len(store.dead_letters()) == 2, "not before it is said twice"
    newest.get_by_role("button", name="Let go for good?").click()
    expect(letters).to_have_count(1)
    with SmallWorker(store):
        letters.first.get_by_role("button", name="Analyse again").click()
        expect(letters).to_have_count(0)
        expect(seen.locator("#dead-note")).to_contain_text("none")
        seen.keyboard.press("Escape")
        expect(seen.locator("#frame-id")).to_have_text("stem-e1-000001")
    assert store.dead_letters() == []
