"""Where the images come from that are mixed into the test images, beside copies of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from checker.datasets import choosing
from checker.datasets.pairs import Images
from checker.datasets.sources import Source
from checker.editions import Edition
from checker.errors import ImagesError
from checker.progress import Observer

OPTION = "--private-images"


@dataclass(frozen=True)
class Loaded:
    """Training images, and images of the instructor's own; None where there are none."""

    training: Optional[Images] = None
    private: Optional[Images] = None


@dataclass(frozen=True)
class Others:
    """Sources of training images, the best first, and the one that ``--private-images`` names."""

    training: Tuple[Source, ...] = ()
    private: Optional[Source] = None

    def load(self, test: Images, edition: Edition, observer: Observer) -> Loaded:
        """Read them. Training images that cannot be used are done without; ImagesError for private ones."""
        private = None if self.private is None else choosing.load([self.private], edition, observer)
        return Loaded(self._load_training(test, edition, observer), private)

    def _load_training(self, test: Images, edition: Edition, observer: Observer) -> Optional[Images]:
        for source in self.training:
            # Test images that are none of the data set's own cannot be compared with its training images.
            if not source.named_by and not test.name:
                continue
            try:
                return choosing.training(source, edition, observer)
            except ImagesError:
                continue
        return None


def find(
    images: Optional[str], private: Optional[str], environment: Mapping[str, str], edition: Edition
) -> Others:
    """Say where they are; nothing is downloaded, and of private ones nothing is read."""
    return Others(choosing.training_there(images, environment, edition), _private(private))


def look(private: Optional[str], edition: Edition) -> None:
    """Raise ImagesError where private images cannot be used."""
    own = _private(private)
    if own is not None:
        choosing.look(own, edition)


def _private(named: Optional[str]) -> Optional[Source]:
    return None if named is None else Source("npz", named, OPTION, "named by " + OPTION)
