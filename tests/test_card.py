"""The model card says what was measured, and nothing that comes into it takes effect."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, List, Sequence

import pytest
from markdown_it.token import Token

from checker.regenerate.card import card
from checker.regenerate.record import Epoch, Record
from checker.text import printable_lines, without_commands
from tests.nasty import NASTY, every_token, structure
from tests.test_record import record

EPOCHS = (
    Epoch("head", 1, "plain", 4.25, 48_000, 0.75, 0.8125, 0.5, 0.8281999826431274, 1e-3),
    Epoch("fine-tune", 1, "mirrored", 301.0, 48_000, 0.25, 0.95, 0.3, 0.9412, 2.5e-4),
)


def spoilt(value: Any, text: str) -> Any:
    """The same with ``text`` for every text, keys of tables too."""
    if isinstance(value, dict):
        return {text if isinstance(item, str) else key: spoilt(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [spoilt(item, text) for item in value]
    return text if isinstance(value, str) else value


def spoilt_card(text: str) -> str:
    # A table at the top of a record has names of its own.
    found = {key: spoilt(value, text) for key, value in record().to_dict().items()}
    stages = [{**stage, "name": text, "detail": text} for stage in record().to_dict()["stages"]]
    epochs = [dataclasses.replace(epoch, stage=text, view=text) for epoch in EPOCHS]
    return card(Record.from_dict({**found, "stages": stages}), epochs)


def rows(tokens: Sequence[Token]) -> List[List[str]]:
    """The cells of all tables, as they are shown."""
    found: List[List[str]] = []
    for token, after in zip(tokens, tokens[1:]):
        if token.type == "tr_open":
            found.append([])
        if token.type in ("td_open", "th_open"):
            found[-1].append("".join(part.content for part in after.children or []))
    return found


def shown(text: str) -> str:
    """All text as a reader sees it."""
    return " ".join(
        "".join(part.content for part in token.children or [])
        for token in structure(text)
        if token.type == "inline"
    )


def test_it_says_what_was_measured() -> None:
    text = card(record(application="Xception", cut="block13_sepconv1_bn", verdict="meets it"), EPOCHS)
    said = shown(text)
    assert "Model: Xception, taught CIFAR-10" in said
    assert "before the layer block13_sepconv1_bn kept them (frozen)" in said
    assert "95.12% of 10,000 test images: 9,512 are right." in said
    assert "Of all images of the same kind: 94.67% to 95.53% (95 % interval)." in said
    assert "Verdict of the checker: meets it" in said
    assert "taken up again: once." in said
    cells = rows(structure(text))
    assert ["training images", "48,000"] in cells
    assert ["images are scaled up to", "160x160 pixels"] in cells
    assert ["features of one image, computed once", "10 x 10 x 728, words"] in cells
    assert ["features on disk", "14.6 GB"] in cells
    assert ["views of each training image", "plain, mirrored"] in cells
    assert ["the model's file", "126.0 MB"] in cells
    assert ["SIZE", "160"] in cells
    assert ["openvino", "2023.3", ""] in cells
    assert ["features", "18 min 00 s", "46.3", "2.9 GB", "words"] in cells
    assert ["all", "18 min 04 s", "", "2.9 GB", ""] in cells
    numbers = ["0.2500", "95.00%", "0.3000", "94.12%", "0.00025"]
    assert ["fine-tune", "1", "mirrored", "5 min 01 s", *numbers] in cells


def test_it_is_well_formed_and_shows_the_three_pictures() -> None:
    text = card(record(), EPOCHS)
    sources = [token.attrs["src"] for token in every_token(text) if token.type == "image"]
    assert sources == ["confusion.png", "mistakes.png", "curves.png"]
    assert [token.tag for token in structure(text) if token.type == "heading_open"] == ["h1"] + 7 * ["h2"]
    assert len([token for token in structure(text) if token.type == "table_open"]) == 5
    assert text.endswith(".\n")


def test_what_does_not_apply_is_left_out() -> None:
    text = card(record(weights_sha256="", weights_note="", error_rate=0.0, settings={}, resumed=0), ())
    labels = [row[0] for row in rows(structure(text))]
    assert "weights to begin with" in labels
    assert "SHA-256 of these weights" not in labels
    assert "about these weights" not in labels
    assert "constant" not in labels
    assert "interval)" not in text
    assert "taken up again: never." in shown(text)


@pytest.mark.parametrize("kind", sorted(NASTY))
def test_nothing_takes_effect_in_it(kind: str) -> None:
    nasty = NASTY[kind][:1_000]
    text = spoilt_card(nasty)
    found, usual = structure(text), structure(spoilt_card("words"))
    for kept in ("heading_open", "table_open", "th_open", "list_item_open", "fence"):
        counted = [len([token for token in tokens if token.type == kept]) for tokens in (found, usual)]
        assert counted[0] == counted[1] > 0, kept
    columns = [[len(row) for row in rows(tokens)] for tokens in (found, usual)]
    # A fact without a value has no row.
    assert columns[0] == columns[1] if nasty else set(columns[0]) == set(columns[1])
    parts = [*found, *(part for token in found for part in token.children or [])]
    bold = {after.content for part, after in zip(parts, parts[1:]) if part.type == "strong_open"}
    assert bold == {"95.12%", "all"}
    unwanted = {"link_open", "em_open", "s_open", "code_inline", "code_block", "hr", "blockquote_open"}
    assert not unwanted & {part.type for part in parts}
    assert not [part for part in parts if part.type.startswith("html")]
    assert len([part for part in parts if part.type == "image"]) == 3
    plain = "\n".join(part.content for part in parts if part.type == "text")
    assert not re.search(r"[@#][\w/]|:\w|://|www\.", plain)
    fenced = [part.content for part in parts if part.type == "fence"]
    assert fenced == [without_commands(printable_lines(nasty)) + "\n"]
    assert not [c for c in text if c != "\n" and not c.isprintable()]


def test_a_trial_run_claims_nothing() -> None:
    text = card(record(trial=True), ())
    assert "A trial run: with so few images and epochs nothing is learnt" in text
    assert "No test image was used" not in text
    assert "No test image was used" in card(record(), ())
