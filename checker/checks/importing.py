"""What importing the script does, seen from outside and watched in the probe."""

from __future__ import annotations

from checker.editions import Edition
from checker.evidence import Raised, ScriptEvidence, Watched
from checker.gather import Evidence
from checker.outcomes import Blocked, Failure, LimitReached, Outcome

REFUSED = "DownloadRefused"  # what a probe raises in place of a download: probes/watch.py
_MAIN = "Move what runs behind  if __name__ == '__main__':  at the end of the file."
# Below this many seconds of CPU time nobody trains anything; TensorFlow on a fast machine takes two.
_CPU_FLOOR = 2.0


def check_silent_import(evidence: Evidence, edition: Edition) -> None:
    """Nothing is printed or written (seen), little CPU time is used (seen), no training, no data (told)."""
    script = evidence.script()
    name = edition.files.script.name
    expected = "importing the file does nothing but define functions"
    _watched(script, expected, name)
    if not script.imported:
        raise import_failure(evidence, edition)
    mark = script.run.marks["imported"]
    start = script.run.marks["tensorflow"]
    if mark.printed > start.printed:
        text = script.run.printed[start.printed : mark.printed].decode("utf-8", "replace")
        raise Failure(expected, "it prints: {!r}".format(text[:200]), name, _MAIN)
    if mark.written:
        raise Failure(expected, "it writes: {}".format(", ".join(mark.written[:5])), name, _MAIN)
    used = mark.cpu_seconds - start.cpu_seconds
    allowed = max(_CPU_FLOOR, start.cpu_seconds * edition.limits.import_cpu_ratio)
    if used > allowed:
        raise Failure(
            "an import that takes no more time than TensorFlow's own ({:.1f} s of CPU)".format(allowed),
            "{:.1f} s of CPU time".format(used),
            name,
            _MAIN,
        )


def _watched(script: ScriptEvidence, expected: str, name: str) -> None:
    """Raise Failure for the worst that was watched while the script was imported."""
    order = ("training", "load_data")
    found = sorted(
        (item for item in script.watched_import if item.kind in order),
        key=lambda item: order.index(item.kind),
    )
    if found:
        lines = [_words(item) for item in found[:4]]
        raise Failure(expected, "\n".join(lines), "{}, line {}".format(name, found[0].line), _MAIN)


def import_failure(evidence: Evidence, edition: Edition) -> Outcome:
    """Why the script could not be imported: a Failure, LimitReached or Blocked to raise."""
    script = evidence.script()
    name = edition.files.script.name
    expected = "{} can be imported".format(name)
    run = script.run
    if not script.tensorflow_loaded:
        return _no_tensorflow(evidence, script)
    downloads = [item for item in script.watched_import if item.kind == "download"]
    if downloads and script.import_error is not None and script.import_error.type == REFUSED:
        return _download(downloads[0], expected, name)
    if script.import_error is not None:
        return _raised(script.import_error, expected, name)
    if run.ending == "limit":
        return LimitReached(expected, "the import was ended: {}".format(run.detail), name, _MAIN)
    if any(item.kind == "training" for item in script.watched_import):
        return Failure(expected, "it trains a model on import", name, _MAIN)
    return Failure(
        expected,
        "the process ended during the import ({})".format(run.detail or "the script ended it"),
        name,
        "Remove what ends the process on import: exit(), quit(), os._exit or a crash.",
    )


def _words(item: Watched) -> str:
    what = "trains a model ({})" if item.kind == "training" else "loads the data set {}"
    chain = [part for part in item.chain if part != "<module>"]
    via = " in {}".format(" -> ".join(chain)) if chain else ""
    return "line {}: {}{}".format(item.line, what.format(item.what), via)


def _raised(error: Raised, expected: str, name: str) -> Outcome:
    advice = "Run  python3 -c \"__import__('{}')\"  and mend what it shows.".format(name[:-3])
    if error.type in ("ModuleNotFoundError", "ImportError"):
        advice = "The course's environment has no such module; the allowed import is enough."
    where = "{}, line {}".format(name, error.line) if error.line else name
    return Failure(expected, str(error), where, advice)


def _download(item: Watched, expected: str, name: str) -> Outcome:
    return Blocked(
        expected,
        "it would have to download {}; nothing that is handed in gets a network".format(item.what),
        "{}, line {}".format(name, item.line),
        "Build the model in a function that an import and preprocess_data do not call.",
    )


def _no_tensorflow(evidence: Evidence, script: ScriptEvidence) -> Outcome:
    words = script.run.errors.decode("utf-8", "replace").strip().splitlines()
    return Blocked(
        "TensorFlow {} can be imported".format(evidence.interpreter.versions.get("tensorflow", "")),
        "it cannot ({}){}".format(
            script.run.detail or script.run.ending, ": " + words[-1][:200] if words else ""
        ),
        evidence.interpreter.executable,
        "Try it:  {} -I -c 'import tensorflow'\nor make a new environment:  {}".format(
            evidence.interpreter.executable, evidence.edition.environment.install
        ),
    )
