"""What can be read in the script: style, documentation, imports, what an import would run."""

from __future__ import annotations

from typing import Callable, Optional

from checker import cures
from checker.editions import Edition
from checker.evidence import Reached, SourceEvidence
from checker.gather import Evidence
from checker.outcomes import Blocked, Cure, Failure, LimitReached

_LISTED = 100  # as many of a kind the probe reports at most; it counts no further
_KERAS = "tensorflow.keras."  # what every script calls K
_RUNS = {
    "fit": "trains a model",
    "load_data": "loads the data set",
    "application": "builds a Keras application",
    "save": "saves a model",
    "load_model": "loads a model",
}


def check_style(evidence: Evidence, edition: Edition) -> None:
    """No findings of the edition's pycodestyle, run with no configuration. Seen."""
    source = _source(evidence)
    style = source.style
    if style is None or style.error is not None:
        raise _unread(evidence, source, "pycodestyle {} reads it to its end".format(edition.pycodestyle))
    if not style.total:
        return
    shown = style.findings[:5]
    name = edition.files.script.name
    lines = []
    for finding in shown:
        lines.append("{}:{}:{}: {} {}".format(name, finding.line, finding.column, finding.code, finding.text))
        lines.append("    " + finding.source)
    if style.total > len(shown):
        lines.append("and {} more".format(style.total - len(shown)))
    raise Failure(
        "style-findings",
        "no findings of pycodestyle {}".format(style.version),
        "{} finding{}:\n{}".format(style.total, "" if style.total == 1 else "s", "\n".join(lines)),
        "{}, line {}".format(name, shown[0].line) if shown else name,
        "See them all:  pip install pycodestyle=={}  and  pycodestyle {}".format(style.version, name),
    )


def check_documentation(evidence: Evidence, edition: Edition) -> None:
    """Module, classes, functions and methods, nested ones too, have docstrings. Seen."""
    source = _parsed(evidence, edition)
    if not source.documentation:
        return
    name = edition.files.script.name
    words = [
        "the module itself"
        if item.kind == "module"
        else "{} {} (line {})".format(item.kind, item.name, item.line)
        for item in source.documentation[:8]
    ]
    if len(source.documentation) > len(words):
        words.append(_more(len(source.documentation), len(words)))
    raise Failure(
        "docstrings-missing",
        "a docstring, not empty, in the module and in every class, function and method",
        "none in: {}".format(", ".join(words)),
        "{}, line {}".format(name, source.documentation[0].line),
        'Write """what it does""" as the first statement of each: below the line with def or class, for'
        " the module below the shebang. A comment with # does not count.",
    )


def check_imports(evidence: Evidence, edition: Edition, flag: Callable[[str, str], None]) -> None:
    """No import but the edition's; a way round the rule is a flag. Seen."""
    source = _parsed(evidence, edition)
    name = edition.files.script.name
    for mention in source.suspicious[:10]:
        words = "{}, line {}: uses {}, a way round the import rule"
        flag("import-way-round", words.format(name, mention.line, mention.text))
    others = [item for item in source.imports if item.text not in edition.allowed_imports]
    if not others:
        return
    allowed = " or ".join(edition.allowed_imports)
    shown = ["line {}: {}".format(item.line, item.text) for item in others[:6]]
    if len(others) > 6:
        shown.append(_more(len(source.imports), len(source.imports) - len(others) + 6))
    found = [cures.for_import(item.text, edition.allowed_imports) for item in others]
    advice = list(dict.fromkeys(cure.advice for cure in found))
    raise Failure(
        found[0].name,
        "no import but:  {}".format(allowed),
        "\n".join(shown),
        "{}, line {}".format(name, others[0].line),
        "\n".join(advice[:4]),
    )


def check_guarded(evidence: Evidence, edition: Edition) -> None:
    """No path from module level to training, data, applications or saving. Seen."""
    source = _parsed(evidence, edition)
    found = [item for item in source.on_import if item.kind in _RUNS]
    if not found:
        return
    name = edition.files.script.name
    lines = [_path(item) for item in found[:4]]
    if len(found) > 4:
        lines.append("and {} more".format(len(found) - 4))
    first = found[0]
    cure = _guard_cure(first)
    raise Failure(
        cure.name,
        "importing the file runs no training, loads no data, builds and saves no model",
        "\n".join(lines),
        "{}, line {}".format(name, first.chain[0].line if first.chain else first.line),
        cure.advice,
    )


def check_application(evidence: Evidence, edition: Edition) -> None:
    """Some call builds a Keras application. Seen."""
    source = _parsed(evidence, edition)
    if not source.applications:
        raise Failure(
            "application-missing",
            "a call that builds a Keras application, such as K.applications.DenseNet121(...)",
            "no such call in the script",
            edition.files.script.name,
            "Build your model on one:  base = K.applications.DenseNet121(include_top=False)",
        )


def check_saves_model(evidence: Evidence, edition: Edition) -> None:
    """Some call saves a whole model under the edition's name. Seen."""
    source = _parsed(evidence, edition)
    # Whole models first: they come closer to what is asked for.
    saves = sorted(source.saves, key=lambda item: item.weights_only)
    whole = [item for item in saves if not item.weights_only]
    if any(item.target == edition.saved_as for item in whole):
        return
    name = edition.files.script.name
    expected = "a call such as model.save('{}')".format(edition.saved_as)
    unread = [item for item in whole if not item.target]
    if unread:
        raise Blocked(
            "save-name-unclear",
            expected,
            "the model is saved under a name that is known only when the script runs",
            "{}, line {}".format(name, unread[0].line),
            "Write the name out where the model is saved:  model.save('{}')".format(edition.saved_as),
        )
    advice = "Save the whole model, after the training:  model.save('{}')".format(edition.saved_as)
    if not saves:
        raise Failure("save-missing", expected, "no call that saves a model", name, advice)
    target = "'{}'".format(saves[0].target) if saves[0].target else "a name known only when it runs"
    where = "{}, line {}".format(name, saves[0].line)
    if saves[0].weights_only:
        raise Failure("save-weights-only", expected, "weights alone are saved to " + target, where, advice)
    raise Failure("save-other-name", expected, "the model is saved to " + target, where, advice)


def check_preprocess_defined(evidence: Evidence, edition: Edition, flag: Callable[[str, str], None]) -> None:
    """``preprocess_data`` is defined on import and can be called with (X, Y). Seen."""
    source = _parsed(evidence, edition)
    name = edition.files.script.name
    definition = source.preprocess
    expected = "def preprocess_data(X, Y):"
    if definition is None:
        raise _unread(evidence, source, "the script can be read to its end")
    for item in source.in_preprocess:
        if item.kind in ("application", "load_model", "fit"):
            words = "{}: preprocess_data {}: {}".format(name, _RUNS[item.kind], _path(item))
            flag("preprocess-with-model", words)
    if not definition.count:
        if definition.hidden:
            raise Failure(
                "preprocess-hidden",
                expected,
                "it is defined where an import does not see it: in a function, a class or the main guard",
                "{}, line {}".format(name, definition.hidden),
                "Move it to the top level of the file, its def without spaces before it.",
            )
        raise Failure(
            "preprocess-missing",
            expected,
            "no function of that name",
            name,
            "Write it at the top level of the file:  def preprocess_data(X, Y):",
        )
    if not definition.required <= 2 <= definition.most:
        raise Failure(
            "preprocess-arguments",
            expected,
            "def preprocess_data({}):".format(", ".join(definition.parameters or ())),
            "{}, line {}".format(name, definition.line),
            "0-main.py calls it with two arguments, the images and the labels: take these two.",
        )


def _source(evidence: Evidence) -> SourceEvidence:
    evidence.need(evidence.submission.script, "script_file")
    return evidence.source()


def _parsed(evidence: Evidence, edition: Edition) -> SourceEvidence:
    """The evidence where the script parses; Failure where it does not."""
    source = _source(evidence)
    failure = unparsed(source, edition)
    if failure is not None:
        raise failure
    if not source.complete:
        raise _unread(evidence, source, "the script can be read to its end")
    return source


def unparsed(source: SourceEvidence, edition: Edition) -> Optional[Failure]:
    """Why Python cannot read the script; None where it can."""
    if source.syntax is None or source.syntax.error is None:
        return None
    error, name = source.syntax.error, edition.files.script.name
    cure = cures.for_syntax(error, name)
    return Failure(
        cure.name,
        "a script that Python {} can read".format(edition.environment.python),
        "{}: {}".format(error.message, error.source.strip()) if error.source else error.message,
        "{}, line {}".format(name, error.line) if error.line else name,
        cure.advice,
    )


def _guard_cure(first: Reached) -> Cure:
    """What keeps an import from running this."""
    if first.chain:
        return Cure(
            "unguarded-call",
            "Call it only when the file itself is run, at its end:\n"
            "if __name__ == '__main__':\n    {}()".format(first.chain[0].name),
        )
    return Cure(
        "unguarded-code",
        "Put what runs into a function, and call that at the end of the file:\n"
        "if __name__ == '__main__':\n    main()",
    )


def _unread(evidence: Evidence, source: SourceEvidence, expected: str) -> Exception:
    """The reading of the script ended early: a limit, or a source that breaks the parser."""
    name = evidence.submission.script.name
    advice = "Write a plainer file: this one is too large or too deeply nested to be read."
    if source.run.ending == "limit":
        found = "reading it took too much {}".format(source.run.detail)
        return LimitReached("script-reading-limit", expected, found, name, advice)
    if source.run.ending == "crashed":
        found = "reading it broke Python: {}".format(source.run.detail)
        return Failure("script-breaks-python", expected, found, name, advice)
    if source.style is not None and source.style.error is not None:
        error = source.style.error
        found = "{}: {}".format(error.type, error.message)
        return Failure("style-unreadable", expected, found, name, advice)
    found = "the reading ended early ({})".format(source.run.ending)
    return Blocked("script-reading-ended", expected, found, name, advice)


def _more(total: int, shown: int) -> str:
    """What stands for those that are not shown."""
    return "and {}{} more".format("at least " if total >= _LISTED else "", total - shown)


def _path(item: Reached) -> str:
    """A call and the chain that leads to it, in one line."""
    steps = ["line {}: {}()".format(link.line, link.name) for link in item.chain]
    call = "K." + item.call[len(_KERAS) :] if item.call.startswith(_KERAS) else item.call
    steps.append("line {}: {}(...) {}".format(item.line, call, _RUNS.get(item.kind, "")))
    return " -> ".join(steps)
