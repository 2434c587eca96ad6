"""Read a script without running it: style, syntax, documentation, imports, what an import reaches.

Seen: no submitted code runs here. Each fact leaves as soon as it is known, so that a source that
crashes the parser loses only what comes after. Standard library and pycodestyle only.
"""

from __future__ import annotations

import ast
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gitindex
import names
import reach
import style
import wire

sys.path.pop(0)

SUSPICIOUS = ("__import__", "exec", "eval", "importlib")
MAX_LISTED = 100
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def report_style(channel, wheel, path):
    """Pycodestyle's findings, or why there are none."""
    try:
        version, total, findings = style.findings(wheel, path)
    except Exception as error:
        channel.fact("style", version="", total=0, findings=[], error=wire.describe(error))
        return
    channel.fact("style", version=version, total=total, findings=findings, error=None)


def report_syntax(channel, path):
    """Parse the script; returns its tree, or None."""
    with open(path, "rb") as stream:
        source = stream.read()
    try:
        tree = ast.parse(source, os.path.basename(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        channel.fact(
            "syntax",
            error={
                "message": wire.short(getattr(error, "msg", None) or error),
                "line": getattr(error, "lineno", None) or 0,
                "column": getattr(error, "offset", None) or 0,
                "source": wire.short((getattr(error, "text", None) or "").strip("\r\n"), 300),
            },
        )
        return None
    channel.fact("syntax", error=None)
    return tree


def missing_documentation(tree):
    """What has no docstring, or an empty one: kind, dotted name and line."""
    missing = []
    if not (ast.get_docstring(tree) or "").strip():
        missing.append({"kind": "module", "name": "", "line": 1})
    stack = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.ClassDef, *_FUNCTIONS)):
                name = prefix + child.name
                if not (ast.get_docstring(child) or "").strip():
                    kind = "class" if isinstance(child, ast.ClassDef) else "function"
                    if kind == "function" and isinstance(node, ast.ClassDef):
                        kind = "method"
                    missing.append({"kind": kind, "name": name, "line": child.lineno})
                stack.append((child, name + "."))
            else:
                stack.append((child, prefix))
    return sorted(missing, key=lambda item: item["line"])


def imports(tree):
    """Every import as the one-name statement that it amounts to, with its line."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        for alias in node.names:
            text = alias.name + (" as " + alias.asname if alias.asname else "")
            if isinstance(node, ast.ImportFrom):
                text = "from {}{} import {}".format("." * node.level, node.module or "", text)
            else:
                text = "import " + text
            found.append({"text": text, "line": node.lineno})
    return sorted(found, key=lambda item: item["line"])


def suspicious(tree):
    """Uses of what can import round the rule."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in SUSPICIOUS:
            found.append({"text": node.id, "line": node.lineno})
        elif isinstance(node, ast.Attribute) and node.attr in SUSPICIOUS[:1]:
            found.append({"text": node.attr, "line": node.lineno})
    return sorted(found, key=lambda item: item["line"])


def preprocess_definition(tree):
    """Where ``preprocess_data`` is defined on import, and with which parameters."""
    found = {"line": 0, "count": 0, "parameters": None, "required": 0, "most": 0, "hidden": 0}
    stack = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        if isinstance(node, _FUNCTIONS) and node.name == "preprocess_data":
            positional = [item.arg for item in node.args.posonlyargs + node.args.args]
            required = len(positional) - len(node.args.defaults)
            keywords = sum(default is None for default in node.args.kw_defaults)
            found.update(
                line=node.lineno,
                count=found["count"] + 1,
                parameters=positional,
                required=required + 100 * bool(keywords),
                most=100 if node.args.vararg else len(positional),
            )
        elif isinstance(node, ast.Assign):
            if any(getattr(item, "id", "") == "preprocess_data" for item in node.targets):
                found.update(line=node.lineno, count=found["count"] + 1, parameters=None)
                found.update(required=0, most=100)
        elif not isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            if isinstance(node, ast.If) and reach.is_guard(node.test):
                stack += reversed(node.orelse)
            else:
                stack += reversed(list(ast.iter_child_nodes(node)))
    if not found["count"]:
        hidden = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, _FUNCTIONS) and node.name == "preprocess_data"
        ]
        found["hidden"] = hidden[0] if hidden else 0
    return found


def saves(tree, known):
    """Calls that save a model or keep checkpoints, with the file they name where it can be read."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        path = known.dotted(node.func)
        name = path.rsplit(".", 1)[-1]
        if name not in ("save", "save_model", "ModelCheckpoint", "save_weights"):
            continue
        arguments = node.args + [item.value for item in node.keywords]
        targets = [known.text(item) for item in arguments]
        target = next((item for item in targets if item), "")
        weights_only = name == "save_weights" or any(
            item.arg == "save_weights_only" and getattr(item.value, "value", False) for item in node.keywords
        )
        target = os.path.normpath(target) if target else ""
        found.append({"line": node.lineno, "target": target, "weights_only": weights_only})
    return found


def applications(tree, known):
    """Calls that build a Keras application."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [{"name": known.application(call), "line": call.lineno} for call in calls]
    return [item for item in found if item["name"]]


def main(channel, settings):
    """Report everything that can be read."""
    path = os.path.join(settings["inputs"], settings["script"])
    if settings["git_index"]:
        index = os.path.join(settings["inputs"], "git-index")
        for fact in gitindex.modes(index, settings["git_names"]):
            channel.fact("git_mode", **fact)
    if not settings["has_script"]:
        return
    report_style(channel, settings["pycodestyle"], path)
    tree = report_syntax(channel, path)
    if tree is None:
        return
    known = names.Names(tree)
    follow = reach.Reach(tree, known)
    for name, values in (
        ("documentation", missing_documentation(tree)),
        ("imports", imports(tree)),
        ("suspicious", suspicious(tree)),
        ("applications", applications(tree, known)),
        ("saves", saves(tree, known)),
        ("on_import", follow.from_module(tree)),
        ("in_preprocess", follow.from_function("preprocess_data")),
    ):
        channel.fact(name, total=len(values), found=values[:MAX_LISTED])
    channel.fact("preprocess", **preprocess_definition(tree))
    channel.fact("read", python="{}.{}.{}".format(*sys.version_info[:3]))


if __name__ == "__main__":
    wire.run(main)
