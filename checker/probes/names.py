"""What names in a script stand for: ``K.applications.X`` to ``tensorflow.keras.applications.X``.

Reads a syntax tree; nothing of the script runs. A name can stand for several things: all that the script
assigns to it anywhere, scopes disregarded, are possible. Standard library only.
"""

from __future__ import annotations

import ast
import os
import re
from collections import deque

APPLICATION = re.compile(
    r"^(Xception|VGG\d+|ResNet\w*|Inception\w+|MobileNet\w*|DenseNet\d+|NASNet\w+|EfficientNet\w+"
    r"|ConvNeXt\w+|RegNet\w+)$"
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Bounds for sources that are made to explode: each is far above what people write.
MAX_LEAVES, MAX_POSSIBLE, MAX_DEPTH, MAX_TEXT, MAX_PARTS = 200, 64, 25, 2000, 30
UNKNOWN = "?"
_SAME = ("abspath", "normpath", "realpath", "expanduser", "fspath", "str")
_SAME_METHOD = ("resolve", "absolute", "as_posix", "expanduser", "strip", "__str__")


def by_type(tree: ast.AST) -> dict:
    """All nodes of a tree by their type, in the order of the source as far as levels allow."""
    index: dict = {}
    for node in ast.walk(tree):
        index.setdefault(type(node), []).append(node)
    return index


def of(index: dict, *types: type) -> list:
    """The nodes of these types."""
    return [node for kind in types for node in index.get(kind, ())]


class Names:
    """Imports, definitions and assigned values of one script."""

    def __init__(self, index: dict) -> None:
        self.imports: dict = {}
        self.stars: list = []
        self.classes = {node.name: node for node in of(index, ast.ClassDef)}
        self.functions: dict = {}
        self.methods: dict = {}
        self._values: dict = {}
        self._index = index  # the memos hold ids of nodes, which have to stay alive
        self._texts: dict = {}
        self._paths: dict = {}
        self._returns: dict = {}
        self._depth = 0
        self._read_imports(index)
        self._read_definitions(index)
        self._read_assignments(index)
        self._read_arguments(index)

    # What the script binds

    def _read_imports(self, index):
        for node in of(index, ast.Import):
            for alias in node.names:
                head = alias.name if alias.asname else alias.name.split(".")[0]
                self.imports.setdefault(alias.asname or head, set()).add(head)
        for node in of(index, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(node.module or "")
                else:
                    path = "{}.{}".format(node.module or "", alias.name)
                    self.imports.setdefault(alias.asname or alias.name, set()).add(path)

    def _read_definitions(self, index):
        inside = set()
        for owner in of(index, ast.ClassDef):
            for item in owner.body:
                if isinstance(item, FUNCTIONS):
                    inside.add(id(item))
                    self.methods.setdefault(item.name, []).append(item)
                elif isinstance(item, ast.Assign):
                    for target in item.targets:
                        if isinstance(target, ast.Name):
                            self._keep("." + target.id, item.value)
        for node in of(index, *FUNCTIONS):
            if id(node) not in inside:
                self.functions.setdefault(node.name, []).append(node)

    def _read_assignments(self, index):
        for node in of(index, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        for node in of(index, ast.AnnAssign, ast.NamedExpr):
            if node.value is not None:
                self._assign(node.target, node.value)
        for node in of(index, ast.AugAssign):
            if isinstance(node.op, (ast.Add, ast.Div)):
                self._assign(node.target, ast.BinOp(node.target, node.op, node.value))
        for node in of(index, ast.For, ast.AsyncFor, ast.comprehension):
            self._assign(node.target, ast.Subscript(node.iter, None, ast.Load()))

    def _assign(self, target, value):
        if isinstance(target, (ast.Tuple, ast.List)):
            same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            values = value.elts if same else [ast.Subscript(value, None, ast.Load())] * len(target.elts)
            for inner, item in zip(target.elts, values):
                # Deeper patterns are not followed.
                if not isinstance(inner, (ast.Tuple, ast.List)):
                    self._assign(inner, item)
        elif isinstance(target, ast.Name):
            self._keep(target.id, value)
        elif isinstance(target, ast.Attribute):
            self._keep("." + target.attr, value)
        elif isinstance(target, ast.Subscript):
            self._assign(target.value, ast.Tuple([value], ast.Load()))

    def _keep(self, key, value):
        values = self._values.setdefault(key, [])
        if len(values) < MAX_LEAVES:
            values.append(value)

    def _read_arguments(self, index):
        """Bind parameters to their defaults, to what calls hand over, and to what is decorated."""
        for node in of(index, *FUNCTIONS, ast.Lambda):
            named = node.args.posonlyargs + node.args.args
            first = len(named) - len(node.args.defaults)
            for argument, default in zip(named[first:], node.args.defaults):
                self._keep(argument.arg, default)
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults):
                if default is not None:
                    self._keep(argument.arg, default)
        for call in of(index, ast.Call):
            for function in self._called_plainly(call.func):
                self._bind(function, call.args, call.keywords)
        for node in of(index, *FUNCTIONS, ast.ClassDef):
            for decorator in node.decorator_list:
                for function in self.decorators(decorator):
                    self._bind(function, [ast.Name(node.name, ast.Load())], [])

    def decorators(self, decorator: ast.expr) -> list:
        """The functions of the script that a decorator calls with what it decorates."""
        if not isinstance(decorator, ast.Call):
            return self._called_plainly(decorator)
        outer = self._called_plainly(decorator.func)
        bodies = [node.body for node in outer if not isinstance(node, ast.Lambda)]
        return [item for body in bodies for item in body if isinstance(item, FUNCTIONS)]

    def _called_plainly(self, function):
        """What ``f``, ``Class`` or ``x.f`` calls, variables not followed."""
        if isinstance(function, ast.Lambda):
            return [function]
        if isinstance(function, ast.Name):
            made = self.method(function.id, "__init__") if function.id in self.classes else []
            return self.functions.get(function.id, []) + made
        return self.methods.get(function.attr, []) if isinstance(function, ast.Attribute) else []

    def _bind(self, function, values, keywords):
        arguments = function.args.posonlyargs + function.args.args
        names = [argument.arg for argument in arguments]
        if names[:1] in (["self"], ["cls"]):
            names = names[1:]
        for name, value in zip(names, values):
            if isinstance(value, ast.Starred):
                break
            self._keep(name, value)
        names += [argument.arg for argument in function.args.kwonlyargs]
        for keyword in keywords:
            if keyword.arg in names:
                self._keep(keyword.arg, keyword.value)

    def method(self, name: str, wanted: str) -> list:
        """The method ``wanted`` of the class ``name``, or of the bases that the script defines."""
        seen: set = set()
        work = deque([name])
        while work:
            owner = self.classes.get(work.popleft())
            if owner is None or owner.name in seen:
                continue
            seen.add(owner.name)
            found = [item for item in owner.body if isinstance(item, FUNCTIONS) and item.name == wanted]
            if found:
                return found
            work.extend(base.id for base in owner.bases if isinstance(base, ast.Name))
        return []

    # What an expression can be

    def leaves(self, node: ast.AST) -> list:
        """The expressions that ``node`` can stand for: variables, branches and containers opened."""
        found, work = [], deque([(node, 0)])
        seen: set = set()
        while work and len(seen) < MAX_LEAVES:
            node, inside = work.popleft()
            if (id(node), inside) in seen:
                continue
            seen.add((id(node), inside))
            opened = self._open(node, inside)
            work.extend(opened)
            if isinstance(node, (ast.Name, ast.Attribute)) or not opened:
                found.append(node)
        return found

    def _open(self, node, inside):
        """What one node stands for, each with how many containers are still to be entered."""
        if isinstance(node, ast.Name):
            return [(value, inside) for value in self._values.get(node.id, ())]
        if isinstance(node, ast.Attribute):
            return [(value, inside) for value in self._values.get("." + node.attr, ())]
        if isinstance(node, ast.Subscript):
            return [(node.value, inside + 1)] if inside < 3 else []
        if isinstance(node, ast.IfExp):
            return [(node.body, inside), (node.orelse, inside)]
        if isinstance(node, (ast.BoolOp, ast.Dict)):
            inner = inside if isinstance(node, ast.BoolOp) else inside - 1
            return [(value, inner) for value in node.values if inner >= 0]
        if isinstance(node, (ast.NamedExpr, ast.Starred, ast.Await)):
            return [(node.value, inside)]
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return [(value, inside - 1) for value in node.elts if inside]
        return self._open_call(node, inside) if isinstance(node, ast.Call) else []

    def _open_call(self, node, inside):
        name = self.dotted(node.func).rsplit(".", 1)[-1]
        if name == "partial":
            return [(value, inside) for value in node.args[:1]]
        if inside and name in ("zip", "enumerate", "list", "tuple", "sorted", "reversed", "set", "dict"):
            return [(value, inside) for value in node.args]
        if inside and name in ("items", "values", "keys") and isinstance(node.func, ast.Attribute):
            return [(node.func.value, inside)]
        if isinstance(node.func, ast.Name):
            functions = self.functions.get(node.func.id, [])
            return [(value, inside) for function in functions for value in self._returned(function)]
        return []

    def _returned(self, function):
        """What a function can return, nested functions taken for its own."""
        if id(function) not in self._returns:
            nodes = (node for statement in function.body for node in ast.walk(statement))
            found = [node.value for node in nodes if isinstance(node, ast.Return) and node.value]
            self._returns[id(function)] = found[:MAX_POSSIBLE]
        return self._returns[id(function)]

    def dotted(self, node: ast.AST) -> str:
        """A name or attribute as it is written, imports resolved, for people; "" for anything else."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            # A method of what a call returns: only its own name is known.
            return "." + ".".join(reversed(parts)) if parts else ""
        parts.append(min(self.imports.get(node.id, (node.id,))))
        return ".".join(reversed(parts))

    def paths(self, node: ast.AST) -> set:
        """The dotted paths that an expression can stand for; what is not known leads with a dot."""
        return self._remembered(self._paths, node, self._path)

    def _path(self, leaf):
        parts = []
        while isinstance(leaf, ast.Attribute):
            parts.append(leaf.attr)
            leaf = leaf.value
        if isinstance(leaf, ast.Name) and not parts:
            return self.imports.get(leaf.id, {leaf.id})
        if isinstance(leaf, ast.Call) and self.dotted(leaf.func) == "getattr" and len(leaf.args) > 1:
            names = self.texts(leaf.args[1]) or {UNKNOWN}
            heads = {"{}.{}".format(head, name) for head in self.paths(leaf.args[0]) for name in names}
        else:
            heads = self.paths(leaf) if parts else set()
        if not parts or len(parts) > MAX_PARTS:
            return heads
        return {".".join([head, *reversed(parts)]) for head in heads or {""}}

    def texts(self, node: ast.AST) -> set:
        """The strings that an expression can be, as far as they can be read."""
        return self._remembered(self._texts, node, self._text)

    def _remembered(self, memo, node, read):
        """Unite what ``read`` gives for each leaf; an expression that needs itself adds nothing."""
        key = id(node)
        if key not in memo:
            if self._depth >= MAX_DEPTH:
                return set()
            memo[key] = set()
            self._depth += 1
            found = set()
            for leaf in self.leaves(node):
                found |= {text for text in read(leaf) if len(text) <= MAX_TEXT}
                if len(found) >= MAX_POSSIBLE:
                    break
            self._depth -= 1
            memo[key] = set(sorted(found)[:MAX_POSSIBLE])
        return memo[key]

    def _text(self, leaf):
        if isinstance(leaf, ast.Constant):
            if isinstance(leaf.value, str):
                return {leaf.value}
            # Newer versions of Python refuse to write out a very long integer.
            return {str(leaf.value)} if type(leaf.value) is int and leaf.value < 10**9 else set()
        if isinstance(leaf, ast.Name) and leaf.id == "__file__":
            return {"./__file__"}
        if isinstance(leaf, ast.BinOp):
            return self._operation(leaf)
        if isinstance(leaf, ast.JoinedStr):
            parts = [item if isinstance(item, ast.Constant) else item.value for item in leaf.values]
            return _joined("", [self.texts(part) for part in parts])
        if isinstance(leaf, ast.Attribute) and leaf.attr == "parent":
            return {os.path.dirname(text) or "." for text in self.texts(leaf.value)}
        return self._call_text(leaf) if isinstance(leaf, ast.Call) else set()

    def _operation(self, node):
        if isinstance(node.op, ast.Add):
            return _joined("", [self.texts(node.left), self.texts(node.right)])
        if isinstance(node.op, ast.Div):
            return _paths_joined([self.texts(node.left), self.texts(node.right)])
        if isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return self._filled(node.left, r"%[sd]", values, {})
        return set()

    def _filled(self, template, pattern, values, keywords):
        """A template whose plain fields are filled; with finer ones it is not known."""
        found = set()
        for text in self.texts(template):
            pieces, fields = re.split(pattern, text), re.findall(pattern, text)
            if any(set(piece) & set("{}%") for piece in pieces):
                continue
            parts = [{pieces[0]}]
            for number, (field, piece) in enumerate(zip(fields, pieces[1:])):
                key = field.strip("{}%")
                chosen = int(key) if key.isdigit() and len(key) < 3 else number
                value = keywords.get(key) or (values[chosen] if chosen < len(values) else None)
                parts += [self.texts(value) if value is not None else set(), {piece}]
            found |= _joined("", parts) if len(parts) < 2 * MAX_PARTS else set()
        return found

    def _call_text(self, call):
        path = self.dotted(call.func)
        name = path.rsplit(".", 1)[-1]
        parts = [self.texts(argument) for argument in call.args[:MAX_PARTS]]
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name in ("getcwd", "cwd"):
            return {"."}
        if path.endswith("path.join") or name in ("Path", "PurePath", "PosixPath"):
            return _paths_joined(parts) if parts else {"."}
        if name == "joinpath" and owner is not None:
            return _paths_joined([self.texts(owner), *parts])
        if name == "join" and owner is not None and call.args:
            items = getattr(call.args[0], "elts", [])[:MAX_PARTS]
            return {
                text for one in self.texts(owner) for text in _joined(one, [self.texts(i) for i in items])
            }
        if name == "format" and owner is not None:
            keywords = {item.arg: item.value for item in call.keywords}
            return self._filled(owner, r"\{\w*\}", call.args, keywords)
        if name in ("dirname", "basename") and parts:
            return {getattr(os.path, name)(text) or "." for text in parts[0]}
        if name in _SAME and parts:
            return parts[0]
        return self.texts(owner) if name in _SAME_METHOD and owner is not None else set()

    def application(self, function: ast.AST) -> str:
        """The name of the Keras application that an expression can stand for, or ""."""
        starred = any("applications" in star for star in self.stars)
        for path in sorted(self.paths(function)):
            head, _, name = path.rpartition(".")
            modules = head.split(".")
            if "applications" in modules or modules[0] == "keras_applications":
                if name[:1].isupper() or name == UNKNOWN:
                    return name if name != UNKNOWN else "one that getattr names"
            elif starred and not head and APPLICATION.match(name):
                return name
        return ""


def _joined(separator, parts):
    """All ways to join one string of each part; none where a part is not known."""
    return _combined(lambda head, text: head + separator + text, parts)


def _paths_joined(parts):
    """All ways to join paths."""
    return _combined(os.path.join, parts)


def _combined(join, parts):
    """All ways to fold one string of each part, as many and as long as the bounds allow."""
    found = set(parts[0]) if parts else set()
    for part in parts[1:]:
        found = {join(head, text) for head in found for text in part}
        found = set(sorted(text for text in found if len(text) <= MAX_TEXT)[:MAX_POSSIBLE])
    return found
