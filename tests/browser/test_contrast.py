"""Every word on the page stands out from what is behind it, in both themes: WCAG 2, level AA."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from paretoscope.contract import Fault
from serving import put, put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LEAST, LEAST_LARGE = 4.5, 3.0
MEASURE = r"""(least) => {
  const parsed = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return text.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
  };
  const over = (ink, ground) => [0, 1, 2].map((k) => ink[k] * ink[3] + ground[k] * (1 - ink[3])).concat(1);
  const light = (colour) => {
    const shares = colour.slice(0, 3).map((one) => one / 255);
    const linear = shares.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      layers.push(parsed(getComputedStyle(one).backgroundColor));
    }
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    return layers.toReversed().reduce((ground, layer) => over(layer, ground), canvas);
  };
  const wordy = (element) => [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim())
    || (element.matches("input, textarea") && (element.value || element.placeholder));
  const exempt = "[disabled], fieldset:disabled, option, script, noscript"; // what is not in use, or no words
  const marks = "input:is([type=range], [type=checkbox], [type=radio])";
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (!wordy(element) || element.closest(exempt) || element.matches(marks)) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = parsed(element.closest("svg") ? style.fill : style.color);
    const [high, low] = [light(over(ink, ground)), light(ground)].sort((a, b) => b - a);
    const px = parseFloat(style.fontSize);
    const large = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    found.push({
      ratio, ok: ratio >= (large ? least.large : least.small),
      words: (element.textContent || element.value).trim().slice(0, 50),
      place: element.id || element.className?.baseVal || element.className || element.tagName,
    });
  }
  return found;
}"""


def faint(page: Page) -> list[str]:
    found = page.evaluate(MEASURE, {"small": LEAST, "large": LEAST_LARGE})
    assert len(found) > 40, "the words were found"
    return [f"{one['ratio']:.2f} {one['place']}: {one['words']}" for one in found if not one["ok"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_stands_out(page: Page, store: Store, theme: Literal["light", "dark"]):
    page.emulate_media(color_scheme=theme)
    put_worked(store, 0)
    put_worked(store, 4)
    put(store, 5)
    claim = store.claim_frame("w", 1.0)
    assert claim is not None
    store.bury_frame(claim, Fault(code="worker-died", hint="3 workers died over this frame."))
    store.beat_bridge("tcp://127.0.0.1:5555", pid=1, contested=["stem"], ttl_s=60.0)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    expect(page.locator("#losses-open")).to_contain_text("lost")
    assert faint(page) == []
    page.keyboard.press("h")
    expect(page.locator("#dead-letters li")).to_have_count(1)
    assert faint(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.get_by_label("Drop while busy", exact=False).check()
    page.get_by_role("button", name="Use from the next frame").last.click()
    expect(page.locator("#drop-sure-words")).to_be_visible()
    assert faint(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert faint(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_pair_of_the_theme_stands_out(page: Page, theme: Literal["light", "dark"]):
    """Also where a colour is not on the screen just now."""
    page.emulate_media(color_scheme=theme)
    page.goto("/")
    colours = page.evaluate(
        """(names) => {
          const style = getComputedStyle(document.documentElement);
          return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
        }""",
        [
            "ground",
            "card",
            "soft",
            "ink",
            "quiet",
            "accent",
            "accent-ink",
            "good",
            "bad",
            "warn",
            "chosen-ink",
        ],
    )
    grounds = ["card", "soft"]
    pairs = [(ink, ground) for ink in ("ink", "quiet", "accent", "good", "bad", "warn") for ground in grounds]
    pairs += [("ink", "ground"), ("accent-ink", "accent"), ("card", "good"), ("chosen-ink", "card")]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < LEAST} == {}


def contrast(one: str, other: str) -> float:
    """Of two colours '#rrggbb', 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
