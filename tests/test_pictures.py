"""The pictures show the data, are whole files of bounded size, and are the same bytes for the same data."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from checker.datasets import embedded
from checker.errors import CheckerError
from checker.regenerate import pictures
from checker.regenerate.record import Epoch
from tests import program
from tests.nasty import NASTY

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 2_000_000


def training(*stages: Tuple[str, int]) -> List[Epoch]:
    """The epochs of stages, each a name and a count."""
    return [
        Epoch(name, epoch + 1, "plain", 5.0, 48_000, 1 / (epoch + 1), 0.8, 0.5, 0.85, 1e-3 * (count - epoch))
        for name, count in stages
        for epoch in range(count)
    ]


def answers(count: int, wrong: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels and scores, of which the last ``wrong`` are wrong, each surer than the one before."""
    images, labels = embedded.unpack(embedded.EMBEDDED.read_bytes())
    images, labels = images[:count], labels[:count].astype(np.int64)
    said = labels.copy()
    said[count - wrong :] = (said[count - wrong :] + 1) % 10
    sure = np.linspace(0.5, 0.995, count)
    scores = np.repeat((1 - sure)[:, None] / 9, 10, axis=1)
    scores[np.arange(count), said] = sure
    return images, labels, scores.astype(np.float32)


def whole(paths: Sequence[Path]) -> ElementTree.Element:
    """Look whether a PNG and an SVG are what they should be. Returns the SVG, comments too."""
    assert [path.suffix for path in paths] == [".png", ".svg"]
    assert all(0 < path.stat().st_size < MOST_BYTES for path in paths)
    with Image.open(str(paths[0])) as image:
        image.verify()
    with Image.open(str(paths[0])) as image:
        width, height = image.size
        assert 790 <= width <= 1400
        assert 50 <= height <= 1200
        assert np.asarray(image.convert("L")).std() > 5, "it is blank"
    builder = ElementTree.TreeBuilder(insert_comments=True)
    root = ElementTree.parse(str(paths[1]), ElementTree.XMLParser(target=builder)).getroot()
    assert root.tag == SVG + "svg"
    # Nothing is fetched from anywhere, and it looks the same at every size.
    for element in root.iter():
        links = [value for name, value in element.attrib.items() if name.endswith("href")]
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    sides = [float(side) for side in root.attrib["viewBox"].split()[2:]]
    assert sides[0] / sides[1] == pytest.approx(width / height, rel=0.02)
    return root


def texts(root: ElementTree.Element) -> List[str]:
    """All that is written in it: letters are drawn as paths, after a comment that says them."""
    comments: Any = ElementTree.Comment
    return [(element.text or "").strip() for element in root.iter(comments)]


def epoch_ticks(root: ElementTree.Element) -> List[str]:
    """What is written at the ticks of the axis of epochs."""
    groups = [group for group in root.iter(SVG + "g") if group.get("id", "").startswith("xtick_")]
    return [text for group in groups for text in texts(group)]


def test_curves_tell_stages_apart_and_count_epochs_in_whole_numbers(tmp_path: Path) -> None:
    root = whole(pictures.curves(training(("head", 10), ("fine-tune", 6)), tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "curves.svg"]
    said = texts(root)
    for text in ("head", "fine-tune", "accuracy", "loss", "training images", "validation images", "0.01"):
        assert said.count(text) == 1, text
    ticks = [int(text) for text in epoch_ticks(root)]
    assert ticks[-1] == 16
    assert ticks == list(range(ticks[0], 17, ticks[1] - ticks[0]))


def test_one_epoch_is_two_points_at_one_tick(tmp_path: Path) -> None:
    root = whole(pictures.curves(training(("head", 1)), tmp_path))
    assert epoch_ticks(root) == ["1"]
    assert "fine-tune" not in texts(root)


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_training_that_went_astray_can_still_be_seen(tmp_path: Path, lost: float) -> None:
    epochs = training(("head", 3), ("fine-tune", 2))
    epochs[3:] = [dataclasses.replace(epoch, loss=lost, val_loss=lost) for epoch in epochs[3:]]
    assert epoch_ticks(whole(pictures.curves(epochs, tmp_path))) == ["1", "2", "3", "4", "5"]
    whole(pictures.curves([dataclasses.replace(epochs[0], learning_rate=lost)], tmp_path))
    whole(pictures.curves((), tmp_path))


def test_the_matrix_counts_each_class_by_what_it_is_taken_for(tmp_path: Path) -> None:
    true = np.repeat(np.arange(9), 100)  # no truck
    predicted = true.copy()
    predicted[:7] = 8  # airplanes taken for ships
    predicted[800:813] = 0  # ships taken for airplanes
    root = whole(pictures.confusion(true, predicted, CLASSES, tmp_path))
    said = texts(root)
    assert all(said.count(name) == 2 for name in CLASSES)
    cells = [int(text) for text in said if text.isdigit()]
    expected = np.diag([93, *[100] * 7, 87, 0])
    expected[0, 8], expected[8, 0] = 7, 13
    assert cells == list(expected.ravel())
    recalls = [text for text in said if text.endswith(" %") or text == "no image"]
    assert recalls == ["93.00 %", *["100.00 %"] * 7, "87.00 %", "no image"]
    assert "880 of 900 images are right (97.78 %)" in said


def test_labels_in_a_column_are_labels(tmp_path: Path) -> None:
    images, true, scores = answers(30, 5)
    column = true[:, None].astype(np.uint8)
    in_column = pictures.confusion(column, scores.argmax(axis=1), CLASSES, tmp_path)[0].read_bytes()
    assert in_column == pictures.confusion(true, scores.argmax(axis=1), CLASSES, tmp_path)[0].read_bytes()
    assert "The model is wrong on 5 of 30 test images, the most confident first" in texts(
        whole(pictures.mistakes(images, column, scores, CLASSES, tmp_path))
    )


def labels(root: ElementTree.Element) -> List[Tuple[str, str]]:
    """What the model says, and what is true, of each image of the grid."""
    said = [text for text in texts(root) if re.fullmatch(r"\w+ \d+ %", text)]
    true = [text for text in texts(root) if text.startswith("true: ")]
    assert len(said) == len(true)
    return list(zip(said, true))


def test_the_surest_mistakes_come_first(tmp_path: Path) -> None:
    images, true, scores = answers(300, 60)
    root = whole(pictures.mistakes(images, true, scores, CLASSES, tmp_path))
    surest = range(299, 274, -1)
    said = scores.argmax(axis=1)
    shares = [math.floor(100 * float(scores[place].max())) for place in surest]
    assert labels(root) == [
        ("{} {} %".format(CLASSES[said[place]], share), "true: " + CLASSES[true[place]])
        for place, share in zip(surest, shares)
    ]
    assert shares[0] == 99, "what is less than certain is not shown as 100 %"
    assert (
        "The model is wrong on 60 of 300 test images; these are the 25 where it is most confident"
        in texts(root)
    )
    assert len(list(root.iter(SVG + "image"))) == 25


@pytest.mark.parametrize(
    ("wrong", "title"),
    [
        (7, "The model is wrong on 7 of 40 test images, the most confident first"),
        (1, "The model is wrong on 1 of 40 test images"),
        (0, "The model is wrong on none of 40 test images"),
    ],
)
def test_fewer_mistakes_are_all_shown(tmp_path: Path, wrong: int, title: str) -> None:
    root = whole(pictures.mistakes(*answers(40, wrong), CLASSES, tmp_path))
    assert title in texts(root)
    assert len(labels(root)) == len(list(root.iter(SVG + "image"))) == wrong


def test_images_that_cannot_be_compressed_stay_below_two_megabytes(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    images = random.randint(0, 2, (25, 32, 32, 3)).astype(np.uint8) * 255
    _, true, scores = answers(25, 25)
    whole(pictures.mistakes(images, true, scores, CLASSES, tmp_path))


def test_names_take_no_effect_in_a_picture(tmp_path: Path) -> None:
    names = [NASTY[kind] for kind in sorted(NASTY)]
    scores = np.eye(len(names))
    true, images = np.roll(np.arange(len(names)), 1), np.zeros((len(names), 32, 32, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of matplotlib about its own packages
        whole(pictures.confusion(true, scores.argmax(axis=1), names, tmp_path))
        whole(pictures.mistakes(images, true, scores, names, tmp_path))
        whole(pictures.curves(training(*[(name, 1) for name in names]), tmp_path))
    dollars = whole(pictures.curves(training((r"$\frac{1}$", 1)), tmp_path))
    assert r"$\frac{1}$" in texts(dollars)


DRAW = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from checker.regenerate import pictures
assert not [name for name in ("matplotlib", "numpy", "PIL") if name in sys.modules]
pictures.look()
import matplotlib
before = matplotlib.rcParams.copy()
from tests.test_pictures import draw_all
draw_all(Path({folder!r}))
assert matplotlib.rcParams.copy() == before
assert before["font.size"] == 40
assert "matplotlib.pyplot" not in sys.modules
"""


def draw_all(folder: Path) -> Dict[str, bytes]:
    """Every picture, by its name."""
    images, true, scores = answers(100, 30)
    pictures.curves(training(("head", 10), ("fine-tune", 6)), folder)
    pictures.confusion(true, scores.argmax(axis=1), CLASSES, folder)
    pictures.mistakes(images, true, scores, CLASSES, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_equal_data_gives_equal_bytes_whatever_the_user_has_set(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    settings = tmp_path / "matplotlibrc"
    settings.write_text(
        "font.size: 40\nfigure.dpi: 30\nsavefig.transparent: True\naxes.facecolor: red\nsvg.hashsalt: a\n"
    )
    variables = {"MATPLOTLIBRC": str(settings), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", DRAW.format(root=str(program.ROOT), folder=str(theirs))],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = draw_all(ours)
    assert sorted(found) == sorted(
        "{}.{}".format(name, kind) for name in ("confusion", "curves", "mistakes") for kind in pictures.KINDS
    )
    assert found == {path.name: path.read_bytes() for path in theirs.iterdir()}
    assert found == draw_all(ours), "drawn over what was there"


def test_without_matplotlib_it_is_said_beforehand_what_to_type(tmp_path: Path) -> None:
    python = program.bare_python(tmp_path / "venv")
    code = (
        "import sys; sys.path.insert(0, {!r})\n"
        "from checker.errors import CheckerError\n"
        "from checker.regenerate import pictures\n"
        "try: pictures.look()\n"
        "except CheckerError as error: print(error)\n"
    ).format(str(program.ROOT))
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "The pictures need the package matplotlib, which cannot be imported here (No module named"
        " 'matplotlib'). Type: pip install 'transfer-checker[regenerate]'\n"
    )


def test_a_folder_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(CheckerError, match=r"no/curves\.png: the file could not be written: No such file"):
        pictures.curves(training(("head", 1)), tmp_path / "no")
