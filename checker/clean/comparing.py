"""Scores of one model beside those of another, image by image."""

from __future__ import annotations

from typing import Tuple

import numpy as np

from checker import evidence


def compare(ours: Tuple[np.ndarray, ...], theirs: Tuple[np.ndarray, ...]) -> evidence.Difference:
    """The scores of a model rebuilt and as handed in, or of one model twice, on the images that both have."""
    first, second = _together(ours), _together(theirs)
    count = min(len(first), len(second))
    if not count or first.shape[1:] != second.shape[1:]:
        return evidence.Difference(0, 0.0, 0)
    first, second = first[:count], second[:count]
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.nan_to_num(np.abs(first - second), nan=np.inf))
    finite = np.abs(first)[np.isfinite(first)]
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    classes = int((first.argmax(axis=1) != second.argmax(axis=1)).sum())
    return evidence.Difference(count, float(apart.max()) / scale, classes)


def _together(scores: Tuple[np.ndarray, ...]) -> np.ndarray:
    return np.concatenate(scores).astype(np.float64) if scores else np.zeros((0, 0))
