"""Typed, validated facts: what the checker keeps of what its probes reported.

*Seen* facts come from outside or from a process without submitted code; *told* facts from a process
in which submitted code ran, and may lower a verdict, never raise it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple, Type, TypeVar

from checker.errors import EvidenceError
from checker.modelfile import Archive, FileFinding, Inspected, ModelFile, Place, Structure
from checker.sandbox import Run
from checker.sandbox.channel import ITEM_SIZES, Received, Receiver
from checker.typed import FieldError, structure

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
# Parts of the largest score: the same weights in the same layers differ by rounding alone.
_ALIKE = 1e-3


@dataclass(frozen=True)
class Finding:
    """One pycodestyle finding; line and column count from 1."""

    line: int
    column: int
    code: str
    text: str
    source: str


@dataclass(frozen=True)
class Raised:
    """An exception: its type, message and last place in the script (line 0: none)."""

    type: str
    message: str
    line: int = 0
    function: str = ""

    def __str__(self) -> str:
        """The error in a line or a few: TensorFlow puts a traceback of its own before the point."""
        message = self.message.strip()
        if "in user code:" in message or ".py:" in message:
            message = message.splitlines()[-1].strip()
            message = message[len(self.type) + 2 :] if message.startswith(self.type + ": ") else message
        return "{}: {}".format(self.type, message) if message else self.type


@dataclass(frozen=True)
class Style:
    """All findings counted, the first of them listed; no version where pycodestyle itself failed."""

    version: str
    total: int
    findings: Tuple[Finding, ...]
    error: Optional[Raised]


@dataclass(frozen=True)
class ParseError:
    """Where and why the script is no Python for this interpreter."""

    message: str
    line: int
    column: int
    source: str


@dataclass(frozen=True)
class Syntax:
    """Whether the script parses."""

    error: Optional[ParseError]


@dataclass(frozen=True)
class Undocumented:
    """A module, class, function or method without a docstring."""

    kind: str
    name: str
    line: int


@dataclass(frozen=True)
class Mention:
    """A piece of the script, as text, and its line."""

    text: str
    line: int


@dataclass(frozen=True)
class BuiltApplication:
    """A call that builds a Keras application."""

    name: str
    line: int


@dataclass(frozen=True)
class Save:
    """A call that saves; ``target`` is "" where it cannot be read from the source."""

    line: int
    target: str
    weights_only: bool


@dataclass(frozen=True)
class Link:
    """One link of a chain of calls."""

    name: str
    line: int


@dataclass(frozen=True)
class Reached:
    """A call that an import, or ``preprocess_data``, leads to."""

    kind: str
    call: str
    line: int
    chain: Tuple[Link, ...]


@dataclass(frozen=True)
class Definition:
    """Where ``preprocess_data`` is defined (line 0: nowhere that an import sees)."""

    line: int
    count: int
    parameters: Optional[Tuple[str, ...]]
    required: int
    most: int
    hidden: int


@dataclass(frozen=True)
class GitMode:
    """What git's index says of a file's mode."""

    name: str
    mode: str


@dataclass(frozen=True)
class SourceEvidence:
    """What was read in the script (seen). ``None``: the reading ended before it was known."""

    run: Run
    style: Optional[Style]
    syntax: Optional[Syntax]
    documentation: Tuple[Undocumented, ...]
    imports: Tuple[Mention, ...]
    suspicious: Tuple[Mention, ...]
    applications: Tuple[BuiltApplication, ...]
    saves: Tuple[Save, ...]
    on_import: Tuple[Reached, ...]
    in_preprocess: Tuple[Reached, ...]
    preprocess: Optional[Definition]
    git_modes: Tuple[GitMode, ...]
    complete: bool


@dataclass(frozen=True)
class Watched:
    """A watched call: its kind, what it asked for, its line and the functions that led to it."""

    kind: str
    what: str
    line: int
    chain: Tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """What a returned value says of itself (told)."""

    type: str
    shape: Tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Returned:
    """One call of ``preprocess_data`` (told), and its two arrays as they came."""

    call: str
    X: Value
    Y: Value
    images_changed: bool
    labels_changed: bool


@dataclass(frozen=True)
class ScriptEvidence:
    """What the import of the script did and what ``preprocess_data`` returned (told).

    What was printed and written, and the CPU time, is in ``run`` and its marks: seen from outside.
    """

    run: Run
    tensorflow_loaded: bool
    imported: bool
    import_error: Optional[Raised]
    no_function: Optional[str]
    watched_import: Tuple[Watched, ...]
    watched_calls: Tuple[Watched, ...]
    returned: Dict[str, Returned]
    raised: Dict[str, Raised]
    odd_return: Dict[str, str]
    arrays: Dict[str, Received]
    done: bool


@dataclass(frozen=True)
class Hdf5:
    """What the file is, as HDF5; ``slots``: as many variables of the optimizer are in it."""

    readable: bool
    error: Optional[Raised]
    keras_version: str = ""
    has_model: bool = False
    weights_only: bool = False
    has_training: bool = False
    slots: int = 0


@dataclass(frozen=True)
class Training:
    """The compilation that was saved."""

    optimizer: str
    loss: str


@dataclass(frozen=True)
class LambdaLayer:
    """A Lambda layer, and the module in which Keras will look its names up."""

    name: str
    module: str


@dataclass(frozen=True)
class ModelConfig:
    """What the model is made of, nested models opened."""

    readable: bool
    layers: int = 0
    frozen: int = 0
    first: str = ""
    lambdas: Tuple[LambdaLayer, ...] = ()
    operations: Tuple[str, ...] = ()


@dataclass(frozen=True)
class InspectionEvidence:
    """The structure of the model file (seen)."""

    run: Run
    hdf5: Optional[Hdf5]
    training: Optional[Training]
    config: Optional[ModelConfig]
    file: ModelFile


@dataclass(frozen=True)
class Compiled:
    """The model as loaded: optimizer, loss, and whether it evaluated one batch (told)."""

    optimizer: str
    loss: str
    evaluated: bool
    error: Optional[Raised]


@dataclass(frozen=True)
class Shapes:
    """Input and output shape, None for the batch."""

    input: Tuple[Optional[int], ...]
    output: Tuple[Optional[int], ...]


@dataclass(frozen=True)
class ModelEvidence:
    """What loading the model gave (told), and the raw scores, counted outside (seen).

    ``slots``: as many variables the optimizer has after loading; -1: not told. ``scores``: raw, (batch,
    classes), in the order of the test images. ``answered``: as many images had a score, those mixed in too;
    ``right``: bool (batch,), which of them were right, where any were mixed in. ``company``: how far scores
    of the same images among others are from each other, None where none were scored twice.
    """

    run: Run
    shim_works: Optional[bool]
    load_error: Optional[Raised]
    loaded: bool
    slots: int
    shapes: Optional[Shapes]
    compiled: Optional[Compiled]
    predict_error: Optional[Raised]
    seen: int
    correct: int
    not_finite: int
    scores: Tuple[np.ndarray, ...]
    answered: int
    right: Tuple[np.ndarray, ...]
    seconds_predicting: float
    company: Optional[Difference] = None


@dataclass(frozen=True)
class Difference:
    """How far scores of the same images are from each other.

    Those of a model as handed in and of the same weights in stock layers, or of one model twice.
    ``largest`` is a part of the largest score, or of 1; ``classes`` counts images of another class.
    """

    images: int
    largest: float
    classes: int

    @property
    def alike(self) -> bool:
        """Whether the scores are the same, but for rounding."""
        return self.largest <= _ALIKE


@dataclass(frozen=True)
class Engine:
    """What computed the scores of a model rebuilt: TensorFlow, where there is no other ``name`` (seen).

    ``close``: images between whose two highest scores TensorFlow decided. ``why``: what kept the other one
    from it. ``again``: that came out when it had already scored, and what it scored does not count.
    """

    name: str = ""
    close: int = 0
    why: str = ""
    again: bool = False

    @property
    def words(self) -> str:
        """The engine by name, for a report."""
        if not self.name:
            return "TensorFlow"
        images = "1 image" if self.close == 1 else "{:,} images".format(self.close)
        return "{}, TensorFlow where two classes are close: {}".format(self.name, images)


@dataclass(frozen=True)
class CleanEvidence:
    """Scores of the model rebuilt from stock layers, where no submitted code ran (seen).

    ``opaque_because``: why they do not count; "" where they do. ``mode``: how the images were prepared,
    ``resize``: what stood for the Lambda.
    """

    opaque_because: str
    run: Optional[Run] = None
    mode: str = ""
    resize: str = ""
    count: Count = field(default_factory=lambda: Count())
    engine: Engine = field(default_factory=Engine)


@dataclass(frozen=True)
class Weights:
    """Numbers in a model file: the outermost layer that they belong to, their name, dtype and shape."""

    layer: str
    name: str
    dtype: str
    shape: Tuple[int, ...]


@dataclass(frozen=True)
class MainEvidence:
    """What the course's own script did (told), on ``images`` images against stand-in labels.

    ``right``: as many of them our own count of the same model's scores finds right.
    """

    run: Run
    error: Optional[Raised]
    done: bool
    images: int
    right: int


def source_evidence(run: Run, receiver: Receiver) -> SourceEvidence:
    """Validate what the probe ``source`` reported."""
    return SourceEvidence(
        run=run,
        style=_one(Style, receiver, "style"),
        syntax=_one(Syntax, receiver, "syntax"),
        documentation=_list(Undocumented, receiver, "documentation"),
        imports=_list(Mention, receiver, "imports"),
        suspicious=_list(Mention, receiver, "suspicious"),
        applications=_list(BuiltApplication, receiver, "applications"),
        saves=_list(Save, receiver, "saves"),
        on_import=_list(Reached, receiver, "on_import"),
        in_preprocess=_list(Reached, receiver, "in_preprocess"),
        preprocess=_one(Definition, receiver, "preprocess"),
        git_modes=tuple(_build(GitMode, fact) for fact in receiver.of("git_mode")),
        complete=receiver.last("read") is not None,
    )


def script_evidence(run: Run, receiver: Receiver) -> ScriptEvidence:
    """Validate what the probe ``script`` told."""
    for name in ("tensorflow", "imported", "calling", "done"):
        if len(receiver.of(name)) > 1:
            raise EvidenceError("the fact {} twice: not only the probe reports".format(name))
    failure = receiver.last("import_raised")
    nothing = receiver.last("no_function")
    names = [fact["fact"] for fact in receiver.facts]
    border = names.index("calling") if "calling" in names else len(names)
    return ScriptEvidence(
        run=run,
        tensorflow_loaded=receiver.last("tensorflow") is not None,
        imported=receiver.last("imported") is not None,
        import_error=_error(failure),
        no_function=None if nothing is None else str(nothing.get("found"))[:100],
        watched_import=_watched(receiver.facts[:border]),
        watched_calls=_watched(receiver.facts[border:]),
        returned={
            returned.call: returned
            for returned in (_build(Returned, fact) for fact in receiver.of("returned"))
        },
        raised={_text(fact, "call"): _required_error(fact) for fact in receiver.of("raised")},
        odd_return={_text(fact, "call"): _text(fact, "found") for fact in receiver.of("shape_of_return")},
        arrays={array.header.name: array for array in receiver.arrays},
        done=receiver.last("done") is not None,
    )


def inspection_evidence(run: Run, receiver: Receiver) -> InspectionEvidence:
    """Validate what the probe ``inspection`` reported."""
    return InspectionEvidence(
        run=run,
        hdf5=_one(Hdf5, receiver, "hdf5"),
        training=_one(Training, receiver, "training"),
        config=_one(ModelConfig, receiver, "model_config"),
        file=ModelFile(
            structure=_one(Structure, receiver, "structure"),
            archive=_one(Archive, receiver, "archive"),
            findings=_every(FileFinding, receiver, "finding"),
            places=_every(Place, receiver, "place"),
            inspected=_one(Inspected, receiver, "inspected"),
        ),
    )


@dataclass
class Count:
    """Scores counted so far; outside, from raw arrays, against labels that no sandbox holds.

    ``answered`` and ``right`` are of all that the model scores where others are mixed into the test images.
    """

    seen: int = 0
    correct: int = 0
    not_finite: int = 0
    scores: List[np.ndarray] = field(default_factory=list)
    answered: int = 0
    right: List[np.ndarray] = field(default_factory=list)
    first: float = 0.0
    last: float = 0.0


def model_evidence(
    run: Run, receiver: Receiver, count: Count, company: Optional[Difference] = None
) -> ModelEvidence:
    """Validate what the probe ``model`` told, beside what was counted."""
    shim, loaded = receiver.last("shim"), receiver.last("loaded")
    return ModelEvidence(
        run=run,
        shim_works=None if shim is None else shim.get("works") is True,
        load_error=_error(receiver.last("load_raised")),
        loaded=loaded is not None,
        slots=_number(loaded, "slots"),
        shapes=_one(Shapes, receiver, "shapes"),
        compiled=_one(Compiled, receiver, "compiled"),
        predict_error=_error(receiver.last("predict_raised")),
        company=company,
        **_counted(count),
    )


def _counted(count: Count) -> Dict[str, Any]:
    """What was counted, as fields of ModelEvidence."""
    return {
        "seen": count.seen,
        "correct": count.correct,
        "not_finite": count.not_finite,
        "scores": tuple(count.scores),
        "answered": count.answered,
        "right": tuple(count.right),
        "seconds_predicting": count.last - count.first,
    }


def clean_evidence(
    because: str, run: Run, mode: str, resize: str, count: Count, engine: Engine
) -> CleanEvidence:
    """What was counted of a model rebuilt, and why it does not decide ("": it does)."""
    return CleanEvidence(because, run, mode, resize, count, engine)


def engine(receiver: Receiver) -> Engine:
    """What the probe ``clean`` says of the engine that it had beside TensorFlow, if any."""
    return _one(Engine, receiver, "engine") or Engine()


def decisive(model: ModelEvidence, clean: CleanEvidence) -> ModelEvidence:
    """The evidence of a model with the scores that decide: those of the model rebuilt where they count."""
    if clean.opaque_because or clean.run is None:
        return model
    return replace(model, run=clean.run, **_counted(clean.count))


def opaque(because: str) -> CleanEvidence:
    """The evidence of a model that cannot be evaluated clean; the reason is cut to a line or two."""
    words = " ".join(because.split())
    return CleanEvidence(words if len(words) <= 300 else words[:297] + "...")


def weights_index(receiver: Receiver) -> Tuple[Weights, ...]:
    """Validate what the probe ``weights`` reported of each array."""
    found = [item for fact in receiver.of("weights") for item in _items(Weights, fact)]
    for item in found:
        if item.dtype not in ITEM_SIZES or any(side < 0 for side in item.shape):
            raise EvidenceError("weights that are no plain numbers")
    return tuple(found)


def main_evidence(run: Run, receiver: Receiver, images: int, right: int) -> MainEvidence:
    """Validate what the probe ``course_main`` told."""
    return MainEvidence(
        run=run,
        error=_error(receiver.last("main_raised")),
        done=receiver.last("done") is not None,
        images=images,
        right=right,
    )


def _watched(facts: List[Dict[str, Any]]) -> Tuple[Watched, ...]:
    return tuple(_build(Watched, fact) for fact in facts if fact["fact"] == "watched")


def _build(cls: Type[T], fact: Mapping[str, Any]) -> T:
    values = {key: value for key, value in fact.items() if key != "fact"}
    try:
        return structure(cls, values)
    except FieldError as error:
        raise EvidenceError("a fact that does not fit {}: {}".format(cls.__name__, error)) from error


def _one(cls: Type[T], receiver: Receiver, name: str) -> Optional[T]:
    fact = receiver.last(name)
    return None if fact is None else _build(cls, fact)


def _every(cls: Type[T], receiver: Receiver, name: str) -> Tuple[T, ...]:
    return tuple(_build(cls, fact) for fact in receiver.of(name))


def _list(cls: Type[T], receiver: Receiver, name: str) -> Tuple[T, ...]:
    fact = receiver.last(name)
    return () if fact is None else _items(cls, fact)


def _items(cls: Type[T], fact: Mapping[str, Any]) -> Tuple[T, ...]:
    found = fact.get("found")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise EvidenceError("a fact that does not fit a list of {}".format(cls.__name__))
    return tuple(_build(cls, item) for item in found)


def _error(fact: Optional[Mapping[str, Any]]) -> Optional[Raised]:
    return None if fact is None else _required_error(fact)


def _required_error(fact: Mapping[str, Any]) -> Raised:
    error = fact.get("error")
    if not isinstance(error, dict):
        raise EvidenceError("an exception that is not described")
    return _build(Raised, error)


def _number(fact: Optional[Mapping[str, Any]], key: str) -> int:
    """A whole number that was told; -1 where it was not."""
    value = None if fact is None else fact.get(key)
    return value if isinstance(value, int) and 0 <= value < 10**6 else -1


def _text(fact: Mapping[str, Any], key: str) -> str:
    value = fact.get(key)
    if not isinstance(value, str):
        raise EvidenceError("a fact without {}".format(key))
    return value[:500]
