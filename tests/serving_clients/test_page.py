"""The page, in a headless Chromium where there is one."""

import json
import shutil
import types
import warnings

import httpx
import numpy as np
import pytest

from keras_mixattn.models import ConvBertSpanLabelerPreprocessor
from keras_mixattn.models import ConvBertTextClassifierPreprocessor
from keras_mixattn.models import ConvBertTokenizer
from keras_mixattn.serving.extra_assets import write_extra_assets
from keras_mixattn.serving.local_server.server import LocalServer
from keras_mixattn.serving.local_server.shown_tokens import ShownTokens
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import TensorInfo
from tests.models.builders import WORDS
from tests.serving_clients.stub_models import save_stub
from tests.serving_clients.waiting import wait_for

INFO = TensorInfo("", "string", (-1,))

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
        assert answer.json() == {"version": 1, "tokens": None}


def write_settings(version, preprocessor):
    """Writes what an export says of its tokenizer beside a stub."""
    folder = version / "assets.extra"
    folder.mkdir()
    task = types.SimpleNamespace(preprocessor=preprocessor)
    write_extra_assets(task, preprocessor.sequence_length, folder)


def shown(version, *names, **texts):
    outputs = {"start": INFO} if "context" in names else {"score": INFO}
    signature = Signature(dict.fromkeys(names, INFO), outputs)
    return ShownTokens(version, signature).of(texts)


@pytest.mark.parametrize("truncate", ["round_robin", "waterfall"])
@pytest.mark.parametrize("counts", [(9, 2), (2, 9), (9, 9), (2, 2)])
def test_pairs_are_shown_as_they_are_cut(tmp_path, truncate, counts):
    tokenizer = ConvBertTokenizer(WORDS)
    preprocessor = ConvBertTextClassifierPreprocessor(
        tokenizer, sequence_length=10, truncate=truncate
    )
    write_settings(tmp_path, preprocessor)
    texts = ["good " * counts[0], "bad " * counts[1]]
    preprocessor.build(None)
    row = preprocessor.call(tuple([text] for text in texts))["token_ids"]
    row = np.array(row)[0].tolist()
    kept = [row.count(tokenizer.token_to_id(word)) for word in ("good", "bad")]
    tokens = shown(
        tmp_path, "text", "text_pair", text=texts[0], text_pair=texts[1]
    )
    assert [one["count"] for one in tokens.values()] == list(counts)
    assert [one["kept"] for one in tokens.values()] == kept


def test_a_long_question_is_cut_and_its_context_is_not(tmp_path):
    preprocessor = ConvBertSpanLabelerPreprocessor(
        ConvBertTokenizer(WORDS), sequence_length=11, question_length=5
    )
    write_settings(tmp_path, preprocessor)
    texts = {"question": "good " * 7, "context": "bad " * 40}
    # A server lists inputs by the alphabet, a person asks first.
    tokens = shown(tmp_path, "context", "question", **texts)
    assert list(tokens) == ["question", "context"]
    assert [(one["count"], one["kept"]) for one in tokens.values()] == [
        (7, 5),
        (40, 40),
    ]


def test_special_tokens_in_strings_are_shown(tmp_path):
    tokenizer = ConvBertTokenizer(WORDS, special_tokens_in_strings=True)
    preprocessor = ConvBertTextClassifierPreprocessor(tokenizer, 9)
    write_settings(tmp_path, preprocessor)
    tokens = shown(tmp_path, "text", text="a [SEP]")["text"]["tokens"]
    assert tokens == ["a", "[SEP]"]


def test_an_older_export_is_read_by_the_defaults(tmp_path):
    preprocessor = ConvBertTextClassifierPreprocessor(
        ConvBertTokenizer(WORDS), 9
    )
    write_settings(tmp_path, preprocessor)
    path = tmp_path / "assets.extra" / "tokenizer.json"
    settings = json.loads(path.read_text())
    for name in ("truncate", "special_tokens_in_strings"):
        settings.pop(name, None)
    path.write_text(json.dumps(settings))
    tokens = shown(tmp_path, "text", text="good " * 9)["text"]
    assert (tokens["count"], tokens["kept"]) == (9, 7)
    assert shown(tmp_path, "text", "text_pair", other="a") == {}


def test_tokens_and_answer_are_of_one_version(tmp_path, open_page):
    save_stub("classes", tmp_path / "1")
    with LocalServer(
        tmp_path, "stub", port=0, rest_port=0, poll_seconds=0.05
    ) as server:
        page = open_page(server)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        save_stub("less_sure_classes", tmp_path / ".2")
        (tmp_path / ".2").rename(tmp_path / "2")
        wait_for(lambda: server._versions.states()[1].state == "END")
        ask(page, "a")
        assert page.inner_text("#version") == "version 2"
        assert "41.7 %" in page.inner_text("#answer")
        assert asked[-1].endswith("/v1/models/stub/versions/2:predict")
