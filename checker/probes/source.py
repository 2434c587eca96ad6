"""Read a script without running it: style, syntax, documentation, imports, what an import reaches.

Seen: no submitted code runs here. Each fact leaves as soon as it is known; pycodestyle, which can take
long, comes last. Standard library and pycodestyle only.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import tokenize
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gitindex
import names
import reach
import style
import wire

sys.path.pop(0)

SUSPICIOUS = ("__import__", "exec", "eval", "importlib", "builtins", "__builtins__")
MAX_LISTED = 100
MAX_SAVES = 1000  # the one that counts may be the last
MAX_WORDS = 300  # of one text in a fact
MAX_BYTES = 150_000  # of one fact, below what the pipe takes
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def bounded(value):
    """A fact whose texts are short and encodable, in lists of which each keeps its first items."""
    if isinstance(value, str):
        return wire.short(value.encode("utf-8", "backslashreplace").decode(), MAX_WORDS)
    if isinstance(value, dict):
        return {key: bounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        found = [bounded(item) for item in value]
        while len(json.dumps(found)) > MAX_BYTES:
            found = found[: len(found) // 2]
        return found
    return value


def distinct_first(values, most):
    """At most ``most`` values, repeated ones left out before others, in the order of their lines."""
    first, again, seen = [], [], set()
    for value in values:
        key = repr({name: item for name, item in value.items() if name not in ("line", "chain")})
        (again if key in seen else first).append(value)
        seen.add(key)
    return sorted((first + again)[:most], key=lambda item: item["line"])


def report_style(channel, wheel, path):
    """Pycodestyle's findings, or why there are none."""
    try:
        version, total, findings = style.findings(wheel, path)
    except Exception as error:
        channel.fact("style", version="", total=0, findings=[], error=bounded(wire.describe(error)))
        return
    channel.fact("style", version=version, total=total, findings=bounded(findings), error=None)


def undecodable(path):
    """Where the bytes of a script are not in its encoding, as Python sees it on running it; or None."""
    try:
        with open(path, "rb") as stream:
            encoding, _ = tokenize.detect_encoding(stream.readline)
            stream.seek(0)
            source = stream.read()
        source.decode(encoding)
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        message = "byte 0x{:02x} is not {}".format(source[error.start], encoding)
        if encoding == "utf-8":
            message += ", and no other encoding is declared"
        return {"message": message, "line": line, "column": 0, "source": ""}
    except (SyntaxError, LookupError, ValueError) as error:
        # The tokenizer words it for itself; the parser finds the same.
        return {"message": str(error), "line": 1, "column": 0, "source": ""}
    return None


def parse_error(error):
    """An exception of the parser or the compiler as a fact."""
    message = getattr(error, "msg", None) or str(error)
    if isinstance(error, (RecursionError, MemoryError)):
        message = "it is nested too deeply for Python {}.{} to read".format(*sys.version_info[:2])
    return {
        "message": message,
        "line": getattr(error, "lineno", None) or 0,
        "column": max(0, getattr(error, "offset", None) or 0),
        "source": (getattr(error, "text", None) or "").strip("\r\n"),
    }


def check_features(source, name, version):
    """Raise SyntaxError for syntax that is newer than the course's Python, as far as Python can tell."""
    if sys.version_info[:2] <= version:
        return
    try:
        ast.parse(source, name, feature_version=version)
    except SyntaxError as error:
        # Python takes any parentheses after "with" for those of 3.9.
        if "Parenthesized context managers" not in str(error):
            raise


def report_syntax(channel, path, version):
    """Parse the script, which the course's Python has to read too; returns its tree, or None."""
    tree, error = None, undecodable(path)
    if error is None:
        with open(path, "rb") as stream:
            source = stream.read()
        name = os.path.basename(path)
        try:
            tree = ast.parse(source, name)
            # Only the compiler refuses a "return" outside a function, or a parameter named twice.
            compile(source, name, "exec", dont_inherit=True)
            check_features(source, name, version)
        except Exception as caught:  # Python's parser knows more of them than it says, SystemError for one
            tree, error = None, parse_error(caught)
    channel.fact("syntax", error=bounded(error))
    return tree


def missing_documentation(tree):
    """What has no docstring, or an empty one: kind, dotted name and line."""
    given = _assigned_documentation(tree)
    missing = []
    if not (ast.get_docstring(tree) or "").strip() and "" not in given:
        missing.append({"kind": "module", "name": "", "line": 1})
    stack = [(tree, "", False)]
    while stack:
        node, prefix, in_class = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.ClassDef, *names.FUNCTIONS)):
                name = prefix + child.name
                is_class = isinstance(child, ast.ClassDef)
                if not (ast.get_docstring(child) or "").strip() and name not in given:
                    kind = "class" if is_class else "method" if in_class else "function"
                    missing.append({"kind": kind, "name": name, "line": child.lineno})
                stack.append((child, wire.short(name, MAX_WORDS) + ".", is_class))
            elif not isinstance(child, ast.expr):
                stack.append((child, prefix, in_class))
    return sorted(missing, key=lambda item: item["line"])


def _assigned_documentation(tree):
    """Names whose ``__doc__`` the module sets itself, as a text that is not empty; "" is the module."""
    given = set()
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
            continue
        if not isinstance(node.value.value, str) or not node.value.value.strip():
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == "__doc__":
                given.add("")
            elif isinstance(target, ast.Attribute) and target.attr == "__doc__":
                given.add(getattr(target.value, "id", None))
    return given


def imports(index):
    """Every import as the one-name statement that it amounts to, with its line."""
    found = []
    for node in names.of(index, ast.Import, ast.ImportFrom):
        for alias in node.names:
            text = alias.name + (" as " + alias.asname if alias.asname else "")
            if isinstance(node, ast.ImportFrom):
                text = "from {}{} import {}".format("." * node.level, node.module or "", text)
            else:
                text = "import " + text
            found.append({"text": text, "line": node.lineno})
    return sorted(found, key=lambda item: item["line"])


def suspicious(tree, known):
    """Uses of what can import round the rule; names that the script binds itself are its own."""
    found = {}
    stack = [(tree, _bound(tree))]
    while stack:
        node, own = stack.pop()
        text = ""
        if isinstance(node, ast.Attribute):
            path = known.dotted(node)
            root = path.split(".")[0]
            # builtins.eval, but not K.backend.eval.
            if node.attr == "__import__" or (root != path and root in SUSPICIOUS and root not in own):
                text = path.lstrip(".")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in own:
            path = known.dotted(node)
            text = path if path.split(".")[0] in SUSPICIOUS else ""
        if text and len(text) > len(found.get((node.lineno, text.split(".")[0]), "")):
            found[node.lineno, text.split(".")[0]] = text
        inner = own | _bound(node) if isinstance(node, _SCOPES) else own
        outside = {id(item) for item in _outside(node)} if inner is not own else ()
        for child in _children(node):
            stack.append((child, own if id(child) in outside else inner))
    return [{"text": text, "line": line} for (line, _), text in sorted(found.items())]


def _children(node):
    """Children, the parts of a function's head among them."""
    if not isinstance(node, _SCOPES):
        return list(ast.iter_child_nodes(node))
    body = node.body if isinstance(node.body, list) else [node.body]
    return [*body, *_outside(node)]


def _outside(function):
    """The parts of a definition that belong to the scope around it."""
    arguments = function.args
    found = [*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None)]
    return found + list(getattr(function, "decorator_list", ()))


def _bound(scope):
    """The suspicious names that a module or function itself binds, by assignment or definition."""
    found, stack = set(), [scope]
    if isinstance(scope, _SCOPES):
        given = scope.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        found = {item.arg for item in arguments if item is not None}
        stack = scope.body[:] if isinstance(scope.body, list) else [scope.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.ClassDef, *names.FUNCTIONS)):
            found.add(node.name)
        elif not isinstance(node, ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))
    return found & set(SUSPICIOUS)


def preprocess_definition(tree, index, follow):
    """Where ``preprocess_data`` is defined on import, and with which parameters."""
    wanted = "preprocess_data"
    found = {"line": 0, "count": 0, "parameters": None, "required": 0, "most": 0, "hidden": 0}
    stack = list(reversed(follow.live(tree.body)))
    while stack:
        node = stack.pop()
        if isinstance(node, names.FUNCTIONS) and node.name == wanted:
            found.update(_signature(node), line=node.lineno, count=found["count"] + 1)
        elif _binds(node, wanted):
            found.update(line=node.lineno, count=found["count"] + 1)
            found.update(parameters=None, required=0, most=100)
        if not isinstance(node, (ast.ClassDef, ast.expr, *names.FUNCTIONS)):
            stack += reversed(follow.runs(node))
    if not found["count"]:
        functions = names.of(index, *names.FUNCTIONS)
        found["hidden"] = next((node.lineno for node in functions if node.name == wanted), 0)
    return found


def _binds(node, wanted):
    """Whether a statement binds a name in another way than as a function."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return any((alias.asname or alias.name) == wanted for alias in node.names)
    if isinstance(node, ast.ClassDef):
        return node.name == wanted
    if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.For, ast.With)):
        return False
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return False
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    if isinstance(node, ast.With):
        targets = [item.optional_vars for item in node.items]
    inner = [item for target in targets if target is not None for item in ast.walk(target)]
    return any(isinstance(item, ast.Name) and item.id == wanted for item in inner)


def _signature(node):
    """How many positional arguments a function takes, and its parameters as they are written."""
    if node.decorator_list:
        return {"parameters": None, "required": 0, "most": 100}  # a decorator may change them
    arguments = node.args
    positional = [item.arg for item in arguments.posonlyargs + arguments.args]
    needed = [
        item.arg for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None
    ]
    return {
        "parameters": (positional + (["*", *needed] if needed else []))[:MAX_LISTED],
        # No call with two arguments gives a parameter that only a keyword can give.
        "required": len(positional) - len(arguments.defaults) + 100 * bool(needed),
        "most": 100 if arguments.vararg else len(positional),
    }


def saves(index, known):
    """Calls that save a model or keep checkpoints, with each file name that they can mean."""
    found = []
    for node in names.of(index, ast.Call):
        kinds = {path.rsplit(".", 1)[-1] for path in known.paths(node.func) if _saves(path, known)}
        if not kinds:
            continue
        weights_only = kinds == {"save_weights"} or _weights_only(node, kinds)
        targets = next((texts for texts in map(known.texts, _targets(node, kinds)) if texts), {""})
        for target in sorted(targets):
            target = os.path.normpath(target) if target else ""
            found.append({"line": node.lineno, "target": target, "weights_only": weights_only})
    return found


def _saves(path, known):
    head, _, name = path.rpartition(".")
    if name == "ModelCheckpoint":
        return True
    if not head and name in known.functions:
        return False  # what it saves is found inside it
    if path.split(".")[0] in reach.OTHER_ROOTS or head.endswith("saved_model"):
        return False
    return name == "save_model" or (name in reach.SAVES and bool(head or path.startswith(".")))


def _weights_only(call, kinds):
    """Whether ``save_weights_only`` is set for a checkpoint, by its name or as the fifth argument."""
    given = [item.value for item in call.keywords if item.arg == "save_weights_only"]
    if "ModelCheckpoint" in kinds:
        given += call.args[4:5]
    return any(bool(getattr(value, "value", False)) for value in given)


def _targets(call, kinds):
    """The arguments that can name the file, the likeliest first."""
    named = [item.value for item in call.keywords if item.arg in ("filepath", "path", "filename")]
    # K.models.save_model(model, file), K.Model.save(model, file): the file comes second.
    given = call.args[1::-1] if "save_model" in kinds else call.args[:2]
    return named or given


def applications(index, known):
    """Calls that build a Keras application, or hand one over to be built."""
    found = []
    for call in names.of(index, ast.Call):
        name = known.application(call.func)
        given = [*call.args, *(item.value for item in call.keywords)]
        for argument in given if not name else ():
            if isinstance(argument, (ast.Name, ast.Attribute)):
                name = name or known.application(argument)
        if name:
            found.append({"name": name, "line": call.lineno})
    return sorted(found, key=lambda item: item["line"])


def report_tree(channel, tree):
    """Report what the parsed script says."""
    index = names.by_type(tree)
    known = names.Names(index)
    follow = reach.Reach(tree, known)
    for name, values in (
        ("documentation", missing_documentation(tree)),
        ("imports", imports(index)),
        ("suspicious", suspicious(tree, known)),
        ("applications", applications(index, known)),
        ("saves", saves(index, known)),
        ("on_import", follow.from_module()),
        ("in_preprocess", follow.from_function("preprocess_data")),
    ):
        total = len(values)
        if name not in ("on_import", "in_preprocess"):
            values = distinct_first(values, MAX_SAVES if name == "saves" else MAX_LISTED)
        channel.fact(name, total=total, found=bounded(values))
    channel.fact("preprocess", **bounded(preprocess_definition(tree, index, follow)))
    channel.fact("read", python="{}.{}.{}".format(*sys.version_info[:3]))


def main(channel, settings):
    """Report everything that can be read."""
    warnings.simplefilter("ignore")  # a source can cause more of them than may be printed
    path = os.path.join(settings["inputs"], settings["script"])
    if settings["git_index"]:
        index = os.path.join(settings["inputs"], "git-index")
        for fact in gitindex.modes(index, settings["git_names"]):
            channel.fact("git_mode", **bounded(fact))
    if not settings["has_script"]:
        return
    tree = report_syntax(channel, path, tuple(settings["python"]))
    if tree is not None:
        report_tree(channel, tree)
    report_style(channel, settings["pycodestyle"], path)


if __name__ == "__main__":
    wire.run(main)
