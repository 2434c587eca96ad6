"""What is measured, the most wanted first."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

ALL = 10000  # test images of the course
NEAR = (0.86, 0.88)  # accuracies close to the threshold of 0.87
FIRST = (0.94, 0.70, 0.88)  # accuracies wanted first
OTHERS = (0.86, 0.50, 0.90, 0.80, 0.96, 0.10)
ACCURACIES = tuple(sorted((*FIRST, *OTHERS)))
PEERS = ("check50", "otter")
# What is short is compared with what runs in turn with it.
BESIDE = {"quick": "pytest", "unchanged": "pytest", "check50": "quick", "otter": "quick"}


@dataclass(frozen=True)
class Network:
    """A Keras application, behind a resize to ``size`` pixels. ``cut``: a layer that the script names."""

    application: str
    module: str
    cut: str
    size: int

    @property
    def name(self) -> str:
        """As in the key of a row."""
        return "{}@{}".format(self.application, self.size)


_DENSENET = ("DenseNet121", "densenet", "conv5_block1_0_bn")
_XCEPTION = ("Xception", "xception", "block14_sepconv1")
_MOBILENET = ("MobileNetV2", "mobilenet_v2", "block_16_expand")
LIGHT, HEAVY = Network(*_MOBILENET, 96), Network(*_DENSENET, 224)
NETWORKS = (LIGHT, HEAVY, Network(*_DENSENET, 160), Network(*_XCEPTION, 160), Network(*_MOBILENET, 160))
BY_NAME: Dict[str, Network] = {network.name: network for network in NETWORKS}


@dataclass(frozen=True)
class Row:
    """One thing to measure; what does not apply is "" or 0.

    ``kind``: "main" (the course's 0-main.py), "exact", "sequence", "unchanged", "quick", "pytest" (its
    import), or one of PEERS. ``images``: of how many test images.
    """

    kind: str
    environment: str = ""
    network: str = ""
    accuracy: float = 0.0
    images: int = 0

    @property
    def key(self) -> str:
        """Its name: in the journal, and for ``--only``."""
        parts = [self.environment, self.network, self.kind]
        parts += ["{:.2f}".format(self.accuracy)] if self.kind in ("sequence", "unchanged") else []
        parts += [str(self.images)] if self.kind in ("main", "exact") else []
        return "/".join(part for part in parts if part)


def rows(environments: Sequence[str], scaled: Sequence[int] = ()) -> Tuple[Row, ...]:
    """All rows, the most wanted first. ``scaled``: numbers of images for main in place of all."""
    found: List[Row] = [Row("pytest")]
    main, others = (LIGHT, HEAVY), NETWORKS[2:]
    for network in main:
        found += _wanted(environments[0], network, scaled)
    found += map(Row, PEERS)
    if scaled:
        # What is said of all images is a line through two points: once it is looked at.
        found += [Row("main", environment, LIGHT.name, images=ALL) for environment in environments]
    for environment in environments[1:]:
        for network in main:
            found += _wanted(environment, network, scaled)
    for network in others:
        found += _wanted(environments[0], network, scaled)
    for network in NETWORKS:
        found += _sequences(environments[0], network, OTHERS)
    for environment in environments[1:]:
        for network in others:
            found += _wanted(environment, network, scaled)
        for network in NETWORKS:
            found += _sequences(environment, network, OTHERS)
    return tuple(found)


def short(environment: str) -> Tuple[Row, ...]:
    """What a few minutes are enough for: a light network, an accuracy far from the threshold."""
    name = LIGHT.name
    return (
        Row("pytest"),
        Row("quick", environment, name),
        *(Row("main", environment, name, images=images) for images in (128, 2560)),
        Row("exact", environment, name, images=640),
        Row("sequence", environment, name, 0.50, ALL),
        Row("unchanged", environment, name, 0.50, ALL),
    )


def only(rows: Sequence[Row], patterns: Sequence[str]) -> Tuple[Row, ...]:
    """The rows whose key is like one of the patterns (``tf26/*/sequence/0.94``), pattern by pattern."""
    found = [row for pattern in patterns for row in rows if fnmatch.fnmatchcase(row.key, pattern)]
    return tuple(dict.fromkeys(found)) if patterns else tuple(rows)


def _wanted(environment: str, network: Network, scaled: Sequence[int]) -> List[Row]:
    """Everything about a network in a version, at the accuracies that are wanted first."""
    counts = list(scaled) or [ALL]
    name = network.name
    found = [Row("quick", environment, name)]
    found += [Row("main", environment, name, images=count) for count in counts]
    found += _sequences(environment, network, FIRST[:1])
    # What it says is read again, whatever it says.
    found += [Row("unchanged", environment, name, FIRST[0], ALL)]
    # Never scaled: where OpenVINO takes over, it is no line.
    found.append(Row("exact", environment, name, images=ALL))
    found += _sequences(environment, network, FIRST[1:])
    return found


def _sequences(environment: str, network: Network, accuracies: Sequence[float]) -> List[Row]:
    return [Row("sequence", environment, network.name, accuracy, ALL) for accuracy in accuracies]
