"""A memorised test set is flagged, an honest model is not, and the verdict is what it would be without."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
from scipy import ndimage

from bench import memorised_runs
from checker import checks, editions, run, scoring
from checker.counting import Counter
from checker.datasets import sources
from checker.datasets.embedded import EMBEDDED, unpack
from checker.datasets.pairs import Images, with_digest
from checker.memorised import comparing, copies, gaps, mixing
from checker.memorised.others import Loaded
from checker.options import Options, look
from checker.progress import Observer
from checker.sandbox import Stop
from checker.sandbox.channel import ArrayHeader, Received
from fixtures import forged
from tests import fixtures_run, program

EDITION = editions.load(editions.DEFAULT, checks.every())
PLAIN = copies.Transform(0, (0, 0), (1, 1, 1), (0, 0, 0), 0)


@pytest.fixture(scope="module")
def embedded() -> Tuple[np.ndarray, np.ndarray]:
    return unpack(EMBEDDED.read_bytes())


def halves(folder: Path, pairs: Tuple[np.ndarray, np.ndarray]) -> Path:
    """Half of the embedded images as test images, the others as training images and private ones."""
    images, labels = pairs
    path = folder / "half.npz"
    np.savez(path, x_test=images[:500], y_test=labels[:500], x_train=images[500:], y_train=labels[500:])
    np.savez(folder / "private.npz", x_test=images[500:800], y_test=labels[500:800])
    return path


# The transforms.


def test_changes_are_within_their_bounds_and_never_nothing() -> None:
    generator = np.random.RandomState(3)
    for _ in range(500):
        change = copies.draw(generator, 3)
        assert copies.ANGLE[0] <= abs(change.angle) <= copies.ANGLE[1]
        assert all(copies.SHIFT[0] <= abs(side) <= copies.SHIFT[1] for side in change.shift)
        assert all(abs(gain - 1) <= copies.GAIN for gain in change.gain)
        assert all(abs(offset) <= copies.OFFSET for offset in change.offset)
        assert copies.NOISE[0] <= change.noise <= copies.NOISE[1]


def test_a_change_is_the_one_that_it_says(embedded: Tuple[np.ndarray, np.ndarray]) -> None:
    image, generator = embedded[0][7], np.random.RandomState(0)
    assert np.array_equal(copies.apply(image, PLAIN, generator), image)
    moved = copies.apply(image, replace(PLAIN, shift=(2, 1)), generator)
    assert np.array_equal(moved[2:, 1:], image[:-2, :-1])
    turned = copies.apply(image, replace(PLAIN, angle=90), generator)
    assert any(np.array_equal(turned, np.rot90(image, turns)) for turns in (1, 3))
    brighter = copies.apply(image, replace(PLAIN, gain=(1, 1, 0.4), offset=(3, 0, 0)), generator)
    wanted = np.clip(image * np.array([1, 1, 0.4]) + np.array([3, 0, 0]), 0, 255)
    assert np.array_equal(brighter, np.rint(wanted))


def test_half_a_pixel_back_and_forth_is_almost_nothing() -> None:
    smooth = ndimage.gaussian_filter(np.random.RandomState(0).uniform(0, 255, (32, 32, 3)), (3, 3, 0))
    image = np.rint(smooth).astype(np.uint8)
    there = copies.apply(image, replace(PLAIN, shift=(0.5, -0.5)), np.random.RandomState(0))
    back = copies.apply(there, replace(PLAIN, shift=(-0.5, 0.5)), np.random.RandomState(0))
    assert not np.array_equal(there, image)
    assert np.abs(back[2:-2, 2:-2].astype(int) - image[2:-2, 2:-2]).max() <= 2


def test_copies_are_drawn_anew_and_look_alike(embedded: Tuple[np.ndarray, np.ndarray]) -> None:
    images = embedded[0][:100]
    one, again, other = (copies.copies(images, np.random.RandomState(seed)) for seed in (1, 1, 2))
    assert one.dtype == np.uint8
    assert one.shape == images.shape
    assert np.array_equal(one, again)
    for image, first, second in zip(images, one, other):
        assert (first != second).mean() > 0.5
        assert (first != image).mean() > 0.5
    alike = [np.corrcoef(first.ravel(), image.ravel())[0, 1] for first, image in zip(one, images)]
    assert np.median(alike) > 0.9
    assert min(alike) > 0.7


def test_a_copy_of_nothing_is_nothing() -> None:
    assert copies.copies(np.empty((0, 32, 32, 3), np.uint8), np.random.RandomState(0)).shape == (0, 32, 32, 3)


# The mixing.


def numbered(count: int, first: int) -> Images:
    """Images that say in their pixels which ones they are."""
    images = np.zeros((count, 32, 32, 3), np.uint8)
    images[:, :, :, 0], images[:, :, :, 1] = (np.arange(first, first + count) // 256)[:, None, None], 200
    images[:, 0, 0, 2] = np.arange(first, first + count) % 256
    return with_digest("", images, (np.arange(count) % 10).astype(np.uint8))


@pytest.mark.parametrize(("tests", "private"), [(10000, 3000), (1000, 200), (70, 0), (1, 5)])
def test_the_test_images_stay_in_order_and_others_come_among_them(tests: int, private: int) -> None:
    source, training, own = numbered(tests, 0), numbered(5000, 20000), numbered(private, 40000)
    mixed = mixing.mix(source.images, source.labels, Loaded(training, own if private else None), 5)
    assert np.array_equal(mixed.images[mixed.tests], source.images)
    assert np.array_equal(mixed.labels[mixed.tests], source.labels)
    assert np.array_equal(mixed.of[mixed.tests], np.arange(tests))
    copied = mixed.kind == mixing.COPY
    assert len(set(mixed.of[copied])) == copied.sum()
    assert np.array_equal(mixed.labels[copied], source.labels[mixed.of[copied]])
    assert copied.sum() == sum(
        int((1 if start < mixing.EARLY else mixing.LATER.copies) * min(mixing.CHUNK, tests - start))
        for start in range(0, tests, mixing.CHUNK)
    )
    for kind, others in ((mixing.TRAINING, training), (mixing.PRIVATE, own)):
        known = {image.tobytes(): label for image, label in zip(others.images, others.labels)}
        found = mixed.images[mixed.kind == kind]
        assert len({image.tobytes() for image in found}) == len(found)
        for image, label in zip(found, mixed.labels[mixed.kind == kind]):
            assert known[image.tobytes()] == label
    assert (mixed.kind == mixing.PRIVATE).sum() <= min(private, mixing.MOST_PRIVATE)


def test_positions_are_drawn_with_the_seed(embedded: Tuple[np.ndarray, np.ndarray]) -> None:
    one, again, other = (mixing.mix(*embedded, Loaded(), seed) for seed in (1, 1, 2))
    assert np.array_equal(one.images, again.images)
    assert (one.kind != other.kind).mean() > 0.3
    assert (one.kind[: one.early] == mixing.TEST).sum() == mixing.EARLY
    for start in range(0, one.early - 128, 128):  # as many as one batch of the model has
        assert 30 < (one.kind[start : start + 128] == mixing.COPY).sum() < 98


# The verdict.


def fed(labels: np.ndarray, scores: np.ndarray, mixed: Any) -> Tuple[Counter, bool]:
    """A counter that was given scores in batches of 128, and whether it ended the run."""
    counter = Counter(labels, EDITION, True, mixed)
    for start in range(0, len(scores), 128):
        batch = scores[start : start + 128].astype("<f4")
        try:
            counter.take(Received(ArrayHeader("scores", "<f4", batch.shape), batch.tobytes()))
        except Stop:
            return counter, True
    return counter, False


@pytest.mark.parametrize("accuracy", [0.1, 0.6, 0.84, 0.87, 0.89, 0.92, 0.96, 1.0])
def test_the_count_is_what_it_is_without_others(accuracy: float) -> None:
    generator = np.random.RandomState(int(1000 * accuracy))
    labels = generator.randint(0, 10, 10000).astype(np.uint8)
    images = np.zeros((10000, 1, 1, 3), np.uint8)
    training = Images("", images[:700], labels[:700], "", "")
    mixed = mixing.mix(images, labels, Loaded(training), 3)
    given = np.where(generator.uniform(size=10000) < accuracy, labels, (labels + 1) % 10)
    alone = np.eye(10)[given]
    alone[generator.permutation(10000)[:50]] = np.nan
    every = np.eye(10)[generator.randint(0, 10, len(mixed))]
    every[mixed.tests] = alone
    one, one_ended = fed(labels, alone, None)
    other, other_ended = fed(labels, every, mixed)
    for name in ("seen", "correct", "not_finite"):
        assert getattr(one.count, name) == getattr(other.count, name)
    assert np.array_equal(
        np.concatenate(one.count.scores), np.concatenate(other.count.scores), equal_nan=True
    )
    assert one_ended == other_ended == (one.count.seen < 10000)
    right = np.concatenate(other.count.right)
    assert np.array_equal(
        right, ((every.argmax(1) == mixed.labels) & np.isfinite(every).all(1))[: len(right)]
    )
    if accuracy >= 0.89:  # one that meets the threshold has the copies that come early
        assert (mixed.kind[: len(right)] == mixing.COPY).sum() >= mixing.EARLY


def test_the_same_run_has_the_same_verdict(tmp_path: Path) -> None:
    """Through the real program, where the embedded images are the whole test set and the run ends early."""
    folder = fixtures_run.made("passing", tmp_path / "s")
    edition = fixtures_run.edition_with({"test_images": 1000, "error_rate": 0.001}, tmp_path)
    found = []
    for memorised in (False, True):
        asked = Options(
            str(folder),
            str(edition),
            python=fixtures_run.PYTHON,
            images="embedded",
            seed=9,
            memorised=memorised,
        )
        found.append(run.check(asked, look(asked, os.environ), os.environ, Observer()))
    plain, mixed = (replace(result.accuracy, images_per_second=0.0) for result in found if result.accuracy)
    assert plain == mixed
    assert (plain.decided_by, plain.error_rate) == ("sequence", 0.001)
    assert plain.seen < 1000
    assert plain.low >= 0.87
    assert _decided_at_once(plain.correct, plain.seen)
    assert [result.exit_code for result in found] == [0, 0]


def _decided_at_once(correct: int, seen: int) -> bool:
    """Whether it was open one image before, which was a right one."""
    return scoring.decide(correct - 1, seen - 1, 1000, True, 0.87, 0.001).meets is None


test_the_same_run_has_the_same_verdict = pytest.mark.tensorflow(test_the_same_run_has_the_same_verdict)


# The comparison.


def test_chance_is_the_sum_over_all_outcomes() -> None:
    """Against the definition: every outcome of a few pairs, at the worst share that differs."""
    from scipy import stats

    pairs, lost, gained, gap = 9, 5, 1, 0.1
    low, high = memorised_runs.clopper_pearson(lost + gained, pairs, 1 - gaps.ERROR / 10)
    worst = 0.0
    for share in np.linspace(max(low, gap), high, 200):
        chances = stats.multinomial(pairs, [(share + gap) / 2, (share - gap) / 2, 1 - share])
        worst = max(
            worst,
            sum(
                chances.pmf([a, b, pairs - a - b])
                for a in range(pairs + 1)
                for b in range(pairs + 1 - a)
                if a - b >= lost - gained
            ),
        )
    assert gaps.paired_chance(lost, gained, pairs, gap) == pytest.approx(worst + gaps.ERROR / 10, rel=0.01)


def test_the_bound_is_where_the_chance_is_the_error() -> None:
    for lost, gained, pairs in ((30, 12, 512), (100, 30, 1452), (500, 0, 512)):
        bound = gaps.paired_bound(lost, gained, pairs)
        assert gaps.paired_chance(lost, gained, pairs, bound - 0.002) < gaps.ERROR
        assert gaps.paired_chance(lost, gained, pairs, bound + 0.002) > gaps.ERROR
        assert bound < (lost - gained) / pairs


@pytest.mark.parametrize("share", [0.06, 0.2, 0.5])
def test_the_paired_test_errs_less_often_than_it_says(share: float) -> None:
    """All outcomes of 40 pairs where the true gap is just what is allowed, at an error rate of 5 %."""
    from scipy import stats

    gap, pairs, error = 0.05, 40, 0.05
    chances = stats.multinomial(pairs, [(share + gap) / 2, (share - gap) / 2, 1 - share])
    wrong = sum(
        chances.pmf([lost, gained, pairs - lost - gained])
        for lost in range(pairs + 1)
        for gained in range(min(lost + 1, pairs + 1 - lost))
        if gaps.paired_chance(lost, gained, pairs, gap) <= error
    )
    assert 0 < wrong <= error


@pytest.mark.parametrize(("accuracy", "differ"), [(0.8, 0.08), (0.87, 0.06), (0.885, 0.06), (0.93, 0.04)])
def test_false_alarms_are_rare(accuracy: float, differ: float) -> None:
    """10,000 runs of models that lose all that an honest one may lose: less than 1 in 1,000 is flagged."""
    gap = comparing.ALLOWED[mixing.COPY]
    lost, gained = (differ + gap) / 2, (differ - gap) / 2
    shares = memorised_runs.Shares(accuracy - lost, lost, gained, accuracy)
    assert memorised_runs.simulate(shares, 10000).either < 0.001


@pytest.mark.parametrize(("honest", "top"), [(0.82, 0.88), (0.7, 0.9), (0.8, 0.95)])
def test_what_is_topped_up_by_six_points_is_found(honest: float, top: float) -> None:
    assert memorised_runs.simulate(memorised_runs.topped(honest, top), 500).copies > 0.95


def test_what_did_not_come_is_not_compared() -> None:
    labels = np.zeros(200, np.uint8)
    mixed = mixing.mix(np.zeros((200, 2, 2, 3), np.uint8), labels, Loaded(), 0)
    assert comparing.compare(mixed, ()) == ()
    (found,) = comparing.compare(mixed, [np.ones(100, bool)])
    assert found.gap.others < 60
    assert found.gap.right == found.gap.of == found.gap.others
    assert not found.gap.flagged


# Through the real program.


def flags(result: Dict[str, Any]) -> List[str]:
    accuracy = next(check for check in result["checks"] if check["name"] == "accuracy")
    found = [str(flag["found"]) for flag in accuracy["flags"]]
    return found


def facts(result: Dict[str, Any]) -> Dict[str, str]:
    return {fact["name"]: fact["value"] for fact in result["facts"]}


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", sorted(forged.VARIANTS))
def test_a_forged_one_is_flagged(
    variant: str, tmp_path: Path, embedded: Tuple[np.ndarray, np.ndarray]
) -> None:
    images = halves(tmp_path, embedded)
    folder = forged.forge(variant, images, tmp_path / "s", fixtures_run.PYTHON, accuracy=0.97)
    result = fixtures_run.result(folder, tmp_path, "--images", str(images), "--memorised")
    assert result["accuracy"]["correct"] > 470
    assert result["accuracy"]["seen"] == 500
    said = " ".join(flags(result))
    if variant != "nearest" and variant != "trained":
        # The nearest image of a copy is the image itself; training images and private ones tell.
        assert "500 copies of test images" in said
    if variant != "topped-up":
        assert "250 training images" in said
    plain = fixtures_run.result(folder, tmp_path, "--images", str(images))
    assert flags(plain) == []
    assert plain["accuracy"]["correct"] == result["accuracy"]["correct"]
    assert plain["exit_code"] == result["exit_code"]


@pytest.mark.tensorflow
def test_an_honest_one_is_not(tmp_path: Path, embedded: Tuple[np.ndarray, np.ndarray]) -> None:
    images = halves(tmp_path, embedded)
    folder = fixtures_run.made("passing", tmp_path / "s")
    result = fixtures_run.result(
        folder, tmp_path, "--images", str(images), "--private-images", str(tmp_path / "private.npz")
    )
    assert flags(result) == []
    assert result["exit_code"] == 0
    assert result["accuracy"]["seen"] == 500
    found = facts(result)
    for name, count in (("copies of test images", 500), ("training images", 250), ("private images", 250)):
        assert "of {} {}".format(count, name) in found[name]


@pytest.mark.tensorflow
def test_private_images_find_what_knows_all_public_ones(
    tmp_path: Path, embedded: Tuple[np.ndarray, np.ndarray]
) -> None:
    """Test and training images are in its weights: copies of neither tell."""
    images, labels = embedded
    halves(tmp_path, embedded)
    known, public = tmp_path / "known.npz", tmp_path / "public.npz"
    np.savez(
        known, x_test=np.concatenate([images[:500], images[800:]]), y_test=np.r_[labels[:500], labels[800:]]
    )
    np.savez(public, x_test=images[:500], y_test=labels[:500], x_train=images[800:], y_train=labels[800:])
    folder = forged.forge("nearest", known, tmp_path / "s", fixtures_run.PYTHON)
    result = fixtures_run.result(
        folder, tmp_path, "--images", str(public), "--private-images", str(tmp_path / "private.npz")
    )
    assert len(flags(result)) == 1
    assert "250 private images" in flags(result)[0]


@pytest.mark.tensorflow
def test_the_limits_grow_with_the_images(tmp_path: Path) -> None:
    """X_p has just the room that the test images alone take; their copies have theirs."""
    folder = fixtures_run.made("passing", tmp_path / "s")
    edition = fixtures_run.edition_with({"array_megabytes": 15}, tmp_path)
    arguments = ("--assignment", str(edition), "--images", "embedded")
    for more in ((), ("--memorised",)):
        assert fixtures_run.result(folder, tmp_path, *arguments, *more)["exit_code"] == 0
    smaller = fixtures_run.edition_with({"array_megabytes": 13}, tmp_path)
    failed = fixtures_run.result(folder, tmp_path, "--assignment", str(smaller), "--images", "embedded")
    assert failed["exit_code"] == 1


def test_what_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    folder = program.submission(tmp_path / "s")
    for name, options in (
        ("--private-images", ("--private-images", str(tmp_path / "none.npz"))),
        ("--memorised", ("--memorised", "--quick")),
        ("--private-images", ("--private-images", "x.npz", "--select", "shebang")),
    ):
        assert name in program.usage(program.check(tmp_path, folder, *options))


def test_training_images_that_are_no_part_of_the_data_set_are_not_compared(tmp_path: Path) -> None:
    """A cache has CIFAR-10's training images; test images of one's own need not be like them."""
    from checker.memorised.others import Others

    cache = sources.Source("folder", str(tmp_path), "", "it lies in Keras's cache")
    own = with_digest("", np.zeros((20, 32, 32, 3), np.uint8), np.zeros(20, np.uint8))
    assert Others((cache,), None).load(own, EDITION, Observer()) == Loaded(None, None)
