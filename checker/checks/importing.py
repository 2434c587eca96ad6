"""What importing the script does, seen from outside and watched in the probe."""

from __future__ import annotations

from checker.checks.elsewhere import elsewhere
from checker.checks.source import unparsed
from checker.editions import Edition
from checker.evidence import Raised, ScriptEvidence, Watched
from checker.gather import Evidence
from checker.outcomes import Blocked, Cure, Failure, LimitReached, Outcome

REFUSED = "DownloadRefused"  # what a probe raises in place of a download: probes/watch.py
_MAIN = "Delete it, or move it into a function that only these lines call, at the file's end:\n"
_MAIN += "if __name__ == '__main__':\n    main()"
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
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
        raise Failure("import-prints", expected, "it prints: {!r}".format(text[:200]), name, _MAIN)
    if mark.written:
        found = "it writes the file {}".format(", ".join(mark.written[:5]))
        raise Failure("import-writes", expected, found, name, _MAIN)
    used = mark.cpu_seconds - start.cpu_seconds
    allowed = max(_CPU_FLOOR, start.cpu_seconds * edition.limits.import_cpu_ratio)
    if used > allowed:
        raise Failure(
            "import-slow",
            "an import that computes no longer than that of TensorFlow itself ({:.1f} s)".format(allowed),
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
    if not found:
        return
    words, where = "\n".join(_words(item) for item in found[:4]), "{}, line {}".format(name, found[0].line)
    if found[0].kind == "training":
        raise Failure("import-trains", expected, words, where, _MAIN)
    raise Failure("import-loads-data", expected, words, where, _MAIN)


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
    if script.import_error is not None and script.import_error.type != "SystemExit":
        failure = unparsed(evidence.source(), edition) if script.import_error.type in _SYNTAX else None
        return failure or elsewhere(
            evidence, _raised(script.import_error, expected, name), script.import_error
        )
    if run.ending == "limit":
        found = "the import took too much {}".format(run.detail)
        return LimitReached("import-limit", expected, found, name, _MAIN)
    if any(item.kind == "training" for item in script.watched_import):
        return Failure("import-trains", expected, "it trains a model on import", name, _MAIN)
    return Failure(
        "import-ends-python",
        expected,
        "Python ended during the import ({})".format(run.detail or "the script ended it"),
        name,
        "Remove what ends it: exit(), quit(), os._exit, or a crash.",
    )


def _words(item: Watched) -> str:
    what = "trains a model ({})" if item.kind == "training" else "loads the data set {}"
    chain = [part for part in item.chain if part != "<module>"]
    via = " in {}".format(" -> ".join(chain)) if chain else ""
    return "line {}: {}{}".format(item.line, what.format(item.what), via)


def _raised(error: Raised, expected: str, name: str) -> Outcome:
    cure = Cure(
        "import-raises",
        "Run  python3 -c \"__import__('{}')\"  and mend the line that it shows.".format(name[:-3]),
    )
    if error.type in ("ModuleNotFoundError", "ImportError"):
        cure = Cure("import-no-module", "It is not there for grading; write the line with K instead.")
    where = "{}, line {}".format(name, error.line) if error.line else name
    return Failure(cure.name, expected, str(error), where, cure.advice)


def _download(item: Watched, expected: str, name: str) -> Outcome:
    return Blocked(
        "import-downloads",
        expected,
        "it wants to download {}; handed-in code runs without a network here".format(item.what),
        "{}, line {}".format(name, item.line),
        "Build the model in a function that runs only behind  if __name__ == '__main__':",
    )


def _no_tensorflow(evidence: Evidence, script: ScriptEvidence) -> Outcome:
    words = script.run.errors.decode("utf-8", "replace").strip().splitlines()
    return Blocked(
        "tensorflow-broken",
        "TensorFlow {} can be imported".format(evidence.interpreter.versions.get("tensorflow", "")),
        "it cannot ({}){}".format(
            script.run.detail or script.run.ending, ": " + words[-1][:200] if words else ""
        ),
        evidence.interpreter.executable,
        "Try it:  {} -I -c 'import tensorflow'\nor make a new environment:  {}".format(
            evidence.interpreter.executable, evidence.edition.environment.install
        ),
    )
