"""Every language has every text, with the same placeholders, in words of its own."""

from collections import Counter
from collections.abc import Iterator
import json
import re
from typing import Any

import pytest
import yaml

from custom_components.eevion import translation
from tests import ROOT

FOLDER = ROOT / "custom_components/eevion/translations"
LANGUAGES = tuple(language for language in translation.LANGUAGES if language != "en")
WORD = re.compile(r"[^\W\d_]{3,}")


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts with their dotted keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def read(language: str) -> dict[str, str]:
    return dict(leaves(json.loads((FOLDER / f"{language}.json").read_text("utf-8"))))


ENGLISH = read("en")


def placeholders(text: str) -> Counter[str]:
    return Counter(re.findall(r"{(\w+)", text))


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]*)\)", text)


def test_all_languages_are_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(translation.LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys(language: str) -> None:
    assert list(read(language)) == list(ENGLISH)


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_links(language: str) -> None:
    for key, text in read(language).items():
        assert placeholders(text).keys() == placeholders(ENGLISH[key]).keys(), key
        assert links(text) == links(ENGLISH[key]), key
        assert text.count("{") == text.count("}"), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_shape(language: str) -> None:
    """A sentence stays a sentence, and a label a label."""
    for key, text in read(language).items():
        english = ENGLISH[key]
        assert text == text.strip(), key
        assert bool(text) is bool(english), key
        assert "<" not in text, key
        assert "://" not in text, key
        if WORD.search(english):
            assert text.endswith((".", "。")) is english.endswith("."), key
            assert ("\n" in text) is ("\n" in english), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english(language: str) -> None:
    """Sentences differ from the English ones; short texts may be the same in few places."""
    texts = read(language)
    same = {
        key
        for key, text in texts.items()
        if text == ENGLISH[key] and WORD.search(re.sub(r"{\w+}", "", text))
    }
    sentences = {key for key in same if len(WORD.findall(ENGLISH[key])) > 2}
    assert sentences == set()
    assert len(same) < len(texts) / 12, sorted(same)


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_names_of_one_platform_differ(language: str) -> None:
    entities = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))["entity"]
    for platform, texts in entities.items():
        names = [text["name"].lower() for text in texts.values()]
        assert len(names) == len(set(names)), platform
        for key, text in texts.items():
            states = [state.lower() for state in text.get("state", {}).values()]
            assert len(states) == len(set(states)), (platform, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_word_for_one_thing(language: str) -> None:
    """A text that is the same in English is the same in one kind of places."""
    texts = read(language)
    found: dict[tuple[str, str, str], set[str]] = {}
    for key, english in ENGLISH.items():
        kind, _, rest = key.partition(".")
        if kind in ("services", "config_subentries", "config"):
            found.setdefault((kind, rest.rpartition(".")[2], english), set()).add(texts[key])
    different = {place: words for place, words in found.items() if len(words) > 1}
    assert different == {}


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "custom_sentences").glob("*/eevion.yaml")),
    ids=lambda path: path.parent.name,
)
def test_sentences_of_assist(path: Any) -> None:
    """Each language has sentences for each intent."""
    sentences = yaml.safe_load(path.read_text("utf-8"))
    english = yaml.safe_load((ROOT / "custom_sentences/en/eevion.yaml").read_text("utf-8"))
    assert sentences["language"] == path.parent.name
    assert sentences["intents"].keys() == english["intents"].keys()
