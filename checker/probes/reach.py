"""Which calls are reached when a script is imported, and from ``preprocess_data``: by reading alone.

A call is followed into functions, classes and methods that the script itself defines. What stands
behind ``if __name__ == '__main__':`` is not reached. Standard library only.
"""

from __future__ import annotations

import ast

TRAINS = ("fit", "fit_generator", "train_on_batch")
SAVES = ("save", "save_model", "save_weights")
LOADS = ("load_model", "model_from_json", "model_from_config")
MAX_FOUND = 50
MAX_CHAIN = 20
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_guard(test):
    """Whether a condition holds only where the script is run, not imported."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(is_guard(value) for value in test.values)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    sides = (test.left, test.comparators[0])
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    main = any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return named and main and isinstance(test.ops[0], ast.Eq)


class Reach:
    """Follows calls from a starting point; finds what the course forbids there."""

    def __init__(self, tree, names):
        self._names = names
        self._functions = {}
        for node in ast.walk(tree):
            if isinstance(node, _FUNCTIONS):
                self._functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.ClassDef):
                inits = [item for item in node.body if getattr(item, "name", "") == "__init__"]
                self._functions.setdefault(node.name, []).extend(inits)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._functions.setdefault(target.id, []).append(node.value)

    def from_module(self, tree):
        """What the import of the script reaches."""
        return self._start(tree.body)

    def from_function(self, name):
        """What a call of the function ``name`` reaches."""
        nodes = self._functions.get(name, [])[-1:]
        return self._start([item for node in nodes for item in _body(node)])

    def _start(self, statements):
        found, seen = [], set()
        stack = [(statement, ()) for statement in reversed(statements)]
        while stack and len(found) < MAX_FOUND:
            node, chain = stack.pop()
            if isinstance(node, ast.Call):
                self._call(node, chain, found)
                for target in self._targets(node):
                    if id(target) not in seen and len(chain) < MAX_CHAIN:
                        seen.add(id(target))
                        name = getattr(target, "name", "lambda")
                        inner = (*chain, {"name": name, "line": node.lineno})
                        stack += [(item, inner) for item in reversed(_body(target))]
            stack += [(child, chain) for child in reversed(_runs(node))]
        return found

    def _targets(self, call):
        path = self._names.dotted(call.func)
        name = path.rsplit(".", 1)[-1]
        # Methods are followed by their name alone, whatever the object is.
        return self._functions.get(name, []) if path else []

    def _call(self, call, chain, found):
        path = self._names.dotted(call.func)
        name = path.rsplit(".", 1)[-1]
        kind = ""
        if self._names.application(call):
            kind = "application"
        elif name == "load_data":
            kind = "load_data"
        elif name in LOADS:
            kind = "load_model"
        elif name in TRAINS and "." in path:
            kind = "fit"
        elif name in SAVES and "." in path:
            kind = "save"
        if kind:
            found.append({"kind": kind, "call": path.lstrip("."), "line": call.lineno, "chain": list(chain)})


def _body(node):
    """The statements that a call of ``node`` runs."""
    return [node.body] if isinstance(node, ast.Lambda) else list(node.body)


def _runs(node):
    """The children of a node that run where the node runs."""
    if isinstance(node, ast.Lambda):
        return []
    if isinstance(node, _FUNCTIONS):
        defaults = [item for item in node.args.kw_defaults if item is not None]
        return node.decorator_list + node.args.defaults + defaults
    if isinstance(node, ast.If):
        if is_guard(node.test):
            return node.orelse
        if isinstance(node.test, ast.Constant) and not node.test.value:
            return node.orelse
    return list(ast.iter_child_nodes(node))
