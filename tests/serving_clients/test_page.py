"""The page, in a headless Chromium where there is one."""

import json
import shutil
import warnings

import httpx
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if CHROMIUM is None or sync_playwright is None:
        message = "SKIPPED: the page needs Chromium and playwright's package"
        warnings.warn(message, stacklevel=1)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=OPTIONS
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    pages = []

    def open_at(server, **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.set_default_timeout(20_000)
        page.faults = []
        page.on("console", lambda message: page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(server.rest_url)
        page.wait_for_selector("textarea")
        return page

    yield open_at
    for page in pages:
        assert page.faults == []
        page.close()


def ask(page, *texts):
    for place, text in enumerate(texts):
        page.locator("textarea").nth(place).fill(text)
    page.click("#ask")
    page.wait_for_selector("#answer section")


def test_label_bars_and_cut_tokens_by_keyboard(
    film_server, open_page, classifier
):
    page = open_page(film_server)
    assert "not TensorFlow Serving" in page.inner_text("header")
    # The cursor is where a person types.
    page.keyboard.type("a good film" + " bad" * 20)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".tokens")
    assert page.inner_text(".big") in classifier.class_names
    names = page.locator(".bars .name").all_inner_texts()
    assert sorted(names) == sorted(classifier.class_names)
    shares = page.locator(".bars .number").all_inner_texts()
    assert sum(float(one.split()[0]) for one in shares) == pytest.approx(
        100, abs=0.2
    )
    tokens = page.locator(".tokens li")
    assert tokens.count() == 23
    # `[CLS]`, 11 tokens and `[SEP]` are the 13 that the model reads.
    assert page.locator(".tokens .cut").count() == 12
    assert "the last 12 are cut" in page.inner_text("#answer")


def test_texts_are_never_html(film_server, open_page):
    page = open_page(film_server)
    ask(page, "<img src=x onerror=alert(1)> good")
    assert page.locator("#answer img").count() == 0


def test_on_a_phone_nothing_is_cut_off(film_server, open_page):
    page = open_page(film_server, viewport={"width": 340, "height": 700})
    ask(page, "good " * 40 + "x" * 200)
    page.wait_for_selector(".tokens")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 340


def test_views_of_other_tasks(stub_server, open_page):
    page = open_page(stub_server("score"))
    ask(page, "a b")
    assert "0.2500" in page.inner_text("#answer .big")
    page = open_page(stub_server("pair_score"))
    ask(page, "a b", "c")
    assert "0.1250" in page.inner_text("#answer .big")
    page = open_page(stub_server("labels"))
    ask(page, "a b")
    assert page.inner_text("#answer .big") == "none, one"
    page = open_page(stub_server("embedding"))
    ask(page, "a b")
    assert page.inner_text("#answer pre") == "[2,2.5]"
    page = open_page(stub_server("fillings"))
    ask(page, "a [MASK] or [MASK]")
    assert page.locator(".bars").count() == 2
    assert page.locator(".bars .best .name").all_inner_texts() == ["calm"] * 2
    page = open_page(stub_server("tags"))
    ask(page, "é sunny sea")
    assert page.inner_text("mark") == "sunnyLONG"
    page = open_page(stub_server("span"))
    ask(page, "what", "thé sea is calm")
    assert page.inner_text("mark") == "thé sea"


def test_an_error_is_shown(stub_server, open_page):
    page = open_page(stub_server("score"))
    page.route("**/v1/**", lambda route: route.fulfill(
        status=400, body='{"error": "so it is"}'
    ))  # fmt: skip
    page.fill("textarea", "a")
    page.click("#ask")
    page.wait_for_selector(".error")
    assert page.inner_text(".error") == "so it is"
    page.faults.clear()  # the browser notes the status


def test_what_the_page_asks_for(film_server, stub_server):
    with httpx.Client(base_url=film_server.rest_url, trust_env=False) as http:
        page = http.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "://" not in page.text  # it needs nothing from elsewhere
        model = http.get("/page/model").json()
        assert model["inputs"] == ["text"] and model["max_length"] == 13
        answer = http.post(
            "/page/tokens", content=json.dumps({"text": "goods"})
        )
        assert answer.json()["tokens"]["text"] == {
            "tokens": ["good", "##s"],
            "count": 2,
            "kept": 2,
        }
        assert http.post("/page/tokens", content="{").status_code == 400
        assert http.post("/page/tokens", content='{"text": 3}').is_error
    # An export that does not say how it cuts.
    with httpx.Client(
        base_url=stub_server("score").rest_url, trust_env=False
    ) as http:
        answer = http.post("/page/tokens", content='{"text": "a"}')
        assert answer.json() == {"tokens": None}
