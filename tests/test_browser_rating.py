"""The study's page in a real browser: ``make test-browser``.

Three raters at once, each in a browser profile of its own, sixty votes by keyboard and mouse, the
server killed and started again in between.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rating_world import ALPHA, ANSWERS, MEANS, condition_of, scale_study, sound_study
from sightsound.evaluation.rating.report import report
from sightsound.evaluation.rating.study import open_study
from sightsound.evaluation.rating.votes import Votes
from test_rating_server import start, stop

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
PICTURES = os.environ.get("SIGHTSOUND_SCREENSHOTS")  # a folder; unset = take none


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    library = pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install 'sightsound[dev]'"
    )
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with library.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=found, args=list(ARGUMENTS), timeout=120_000
        )
        yield chromium
        chromium.close()


def open_page(browser: Any, port: int, faults: list[str], **options: Any) -> Any:
    page = browser.new_context(viewport={"width": 1100, "height": 900}, **options).new_page()
    page.set_default_timeout(90_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: None if f"127.0.0.1:{port}" in asked.url
            or asked.url.startswith("data:") else faults.append(asked.url))  # fmt: skip
    page.goto(f"http://127.0.0.1:{port}/")
    return page


def picture(page: Any, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"))


def agree(page: Any) -> None:
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Begin").click()


def count(page: Any, at: int, total: int) -> None:
    page.get_by_text(f"{at} of {total}", exact=True).wait_for()


def test_three_raters_sixty_votes_and_a_killed_server(browser: Any, tmp_path: Path) -> None:
    folder = scale_study(tmp_path)
    study, log = open_study(folder), tmp_path / "errors"
    process, port = start(folder, 0, log)
    faults: list[str] = []
    try:
        pages = [open_page(browser, port, faults) for _ in range(3)]
        picture(pages[0], "consent")
        assert pages[0].get_by_role("button", name="Begin").is_disabled()
        for page in pages:
            agree(page)
        for done in range(20):
            if done == 8:  # the server dies while three people look at a question
                for page in pages:
                    count(page, done + 1, 20)
                process.kill()
                process.communicate()
            for number, page in enumerate(pages):
                count(page, done + 1, 20)
                media = page.locator("figure img").get_attribute("src")
                answer = ANSWERS[condition_of(study, media)][number]
                if number == 1:  # by mouse
                    page.locator(f"input[value='{answer}']").check()
                    page.get_by_role("button", name="Next").click()
                else:
                    page.keyboard.press(str(answer))
                    assert page.locator(f"input[value='{answer}']").is_checked()
                    if done == number == 0:
                        picture(page, "question")
                    page.keyboard.press("Enter")
            if done == 8:
                pages[0].get_by_role("alert").wait_for()
                assert "Your answer is kept here" in pages[0].get_by_role("alert").inner_text()
                picture(pages[0], "server-away")
                # One browser dies too, with an answer that no server has.
                state = pages[2].context.storage_state()
                pages[2].context.close()
                process, _ = start(folder, port, log)
                pages[2] = open_page(browser, port, faults, storage_state=state)
        for page in pages:
            page.get_by_role("heading", name="Thank you").wait_for()
        picture(pages[0], "thanks")
        figures, _ = report(folder)  # while it is served
        # The third withdraws after all; the two others stay.
        pages[2].get_by_role("button", name="Withdraw").click()
        pages[2].get_by_role("button", name="Delete my answers", exact=True).click()
        pages[2].get_by_role("heading", name="Your answers are deleted").wait_for()
        left, _ = report(folder)
    finally:
        stop(process)
    assert figures["votes"] == {"used": 60, "all": 60}
    assert figures["raters"]["finished"] == 3
    assert figures["agreement"]["alpha"] == pytest.approx(ALPHA)
    for name, of in figures["conditions"].items():
        assert (of["n"], of["mean"]) == (15, pytest.approx(MEANS[name]))
    assert (left["votes"]["used"], left["raters"]["withdrawn"]) == (40, 1)
    assert faults == []


def test_sounds_are_checked_heard_and_chosen_by_keyboard(browser: Any, tmp_path: Path) -> None:
    folder = sound_study(tmp_path)
    study = open_study(folder)
    beeps = {c.media: c.beeps for c in study.definition.sound_checks}
    process, port = start(folder, 0, tmp_path / "errors")
    faults: list[str] = []
    try:
        page = open_page(browser, port, faults, color_scheme="dark")
        agree(page)
        page.get_by_role("heading", name="Can you hear?").wait_for()
        media = page.locator("audio").get_attribute("src").rpartition("/")[2]
        page.get_by_label("How many beeps?").fill(str(beeps[media]))
        page.get_by_label("How many beeps?").press("Enter")
        for done in range(5):
            count(page, done + 1, 5)
            if page.get_by_role("heading", name="A check", exact=True).count():
                wanted = page.locator("legend").inner_text()
                page.keyboard.press("1" if "First" in wanted else "2")
            else:
                assert page.locator("input[value='0']").is_disabled()  # not heard yet
                for heard in (1, 2):
                    page.keyboard.press(" ")
                    page.locator("audio[data-heard]").nth(heard - 1).wait_for()
                    page.wait_for_function(
                        "n => document.querySelectorAll('audio[data-heard]').length >= n", arg=heard
                    )
                page.keyboard.press("2")
                if done == 0:
                    picture(page, "sounds")
            page.keyboard.press("Enter")
        page.get_by_role("heading", name="Thank you").wait_for()
    finally:
        stop(process)
    with Votes(study) as store:
        answers = [v.answer for v in store.votes() if v.kind == "case"]
    assert answers == [1, 1, 1, 1]
    figures, _ = report(folder)
    assert figures["raters"]["inattentive"] == 0
    assert figures["pairs"][0]["n"] == 4
    assert faults == []
