"""Which calls are reached when a script is imported, and from ``preprocess_data``: by reading alone.

A call is followed into functions, classes and methods that the script itself defines. What stands
behind ``if __name__ == '__main__':`` is not reached. Standard library only.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from names import Names

TRAINS = ("fit", "fit_generator", "train_on_batch", "apply_gradients", "minimize")
SAVES = ("save", "save_model", "save_weights")
LOADS = ("load_model", "model_from_json", "model_from_config")
# Those that have a function or method of such a name for something else.
OTHER_ROOTS = ("numpy", "np", "torch", "cv2", "PIL", "json", "pickle", "joblib", "matplotlib", "plt")
# What calls the functions that it is given.
CALLERS = (
    "map", "starmap", "filter", "reduce", "sorted", "min", "max", "submit", "apply", "register",
    "Thread", "Process", "Timer", "timeit", "run_until_complete",
)  # fmt: skip
ENDS = ("exit", "quit", "_exit", "abort")
MAX_FOUND = 50
MAX_CHAIN = 20
MAX_DEPTH = 50
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Reach:
    """Follows calls from a starting point; finds what the course forbids there."""

    def __init__(self, tree: ast.Module, names: Names) -> None:
        self._names = names
        self._tree = tree
        self._roots = {path.split(".")[0] for group in names.imports.values() for path in group}
        self._lazy = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in tree.body
        )

    def from_module(self) -> list:
        """What the import of the script reaches."""
        return self._start(self.live(self._tree.body))

    def from_function(self, name: str) -> list:
        """What a call of the function ``name`` reaches."""
        functions = self._functions({name})[-1:]
        return self._start([item for function in functions for item in self._body(function)])

    def truth(self, test: ast.AST, depth: int = 0) -> Optional[bool]:
        """What a condition is on import: True, False, or None where reading does not tell."""
        if depth > MAX_DEPTH:
            return None
        if isinstance(test, ast.Constant):
            return bool(test.value)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.truth(test.operand, depth + 1)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            values = [self.truth(value, depth + 1) for value in test.values]
            decisive = isinstance(test.op, ast.Or)
            if decisive in values:
                return decisive
            return None if None in values else not decisive
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return self._comparison(test)
        if isinstance(test, ast.Name):
            leaves = [leaf for leaf in self._names.leaves(test) if leaf is not test]
            found = {self.truth(leaf, depth + 10) for leaf in leaves}
            return found.pop() if len(found) == 1 else None
        return None

    def _comparison(self, test):
        """``__name__`` against ``'__main__'``, in either order."""
        sides = (test.left, test.comparators[0])
        names = ["__name__" in self._names.paths(side) for side in sides]
        if names[0] == names[1]:
            return None
        other = sides[names.index(False)]
        values = getattr(other, "elts", None) or [other]
        if any(self._names.texts(value) != {"__main__"} for value in values):
            return None
        if isinstance(test.ops[0], (ast.Eq, ast.Is, ast.In)):
            return False
        return True if isinstance(test.ops[0], (ast.NotEq, ast.IsNot, ast.NotIn)) else None

    def live(self, body: list) -> list:
        """The statements of a block up to the one that always leaves it."""
        found = []
        for statement in body:
            found.append(statement)
            if self._leaves(statement):
                break
        return found

    def _leaves(self, statement, depth=0):
        if isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            return True
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            return self._names.dotted(statement.value.func).rsplit(".", 1)[-1] in ENDS
        if isinstance(statement, ast.If) and depth < MAX_DEPTH:
            truth = self.truth(statement.test)
            if truth is not None:
                branch = statement.body if truth else statement.orelse
                return any(self._leaves(inner, depth + 1) for inner in branch)
        return False

    def runs(self, node: ast.AST) -> list:
        """The children of a node that run on import, where the node does."""
        if isinstance(node, (ast.Lambda, *_FUNCTIONS)):
            return self._definition(node)
        if isinstance(node, (ast.If, ast.IfExp, ast.While)):
            truth = self.truth(node.test)
            body = _list(node.body) if truth is not False else []
            # A loop's "else" runs once the condition is false.
            orelse = _list(node.orelse) if truth is not True or isinstance(node, ast.While) else []
            return [node.test, *self._live(body), *self._live(orelse)]
        if isinstance(node, ast.BoolOp):
            decisive = isinstance(node.op, ast.Or)
            found = []
            for value in node.values:
                found.append(value)
                if self.truth(value) is decisive:
                    break
            return found
        if isinstance(node, ast.AnnAssign) and self._lazy:
            return [item for item in (node.target, node.value) if item is not None]
        return list(ast.iter_child_nodes(node))

    def _live(self, items):
        return self.live(items) if items and isinstance(items[0], ast.stmt) else items

    def _definition(self, node):
        """What runs where a function is defined: decorators, defaults and annotations."""
        found = node.args.defaults + [item for item in node.args.kw_defaults if item is not None]
        if isinstance(node, ast.Lambda):
            return found
        found = node.decorator_list + found
        if not self._lazy:
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            notes = [item.annotation for item in [*arguments, node.args.vararg, node.args.kwarg] if item]
            found = found + [note for note in [*notes, node.returns] if note is not None]
        return found

    def _body(self, function):
        """The statements that a call of ``function`` runs."""
        return [function.body] if isinstance(function, ast.Lambda) else self.live(function.body)

    def _start(self, nodes):
        found, seen = [], set()
        stack = [(node, ()) for node in reversed(nodes)]
        while stack and len(found) < MAX_FOUND:
            node, chain = stack.pop()
            if isinstance(node, ast.Call):
                self._judge(node, chain, found)
            for target in self._targets(node):
                if id(target) not in seen and len(chain) < MAX_CHAIN:
                    seen.add(id(target))
                    inner = (*chain, {"name": getattr(target, "name", "lambda"), "line": node.lineno})
                    stack += [(item, inner) for item in reversed(self._body(target))]
            stack += [(child, chain) for child in reversed(self.runs(node))]
        return found

    def _targets(self, node):
        """The functions of the script that a node calls."""
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            return [item for one in node.decorator_list for item in self._names.decorators(one)]
        if isinstance(node, (ast.With, ast.AsyncWith)):
            names = {name for item in node.items for name in self._made(item.context_expr)}
            return [
                method
                for name in sorted(names)
                for wanted in ("__enter__", "__exit__", "__aenter__", "__aexit__")
                for method in self._names.method(name, wanted)
            ]
        return []

    def _called(self, call):
        found = self._functions(self._names.paths(call.func))
        found += [leaf for leaf in self._names.leaves(call.func) if isinstance(leaf, ast.Lambda)]
        for name in sorted(self._made(call.func)):
            found += self._names.method(name, "__call__")
        if self._names.dotted(call.func).rsplit(".", 1)[-1] in CALLERS:
            for argument in [*call.args, *(item.value for item in call.keywords)]:
                leaves = self._names.leaves(argument)
                found += [leaf for leaf in leaves if isinstance(leaf, ast.Lambda)]
                if isinstance(argument, (ast.Name, ast.Attribute)):
                    found += self._functions(self._names.paths(argument))
        return found

    def _made(self, node):
        """The script's classes of which an expression can be an instance."""
        calls = [leaf for leaf in self._names.leaves(node) if isinstance(leaf, ast.Call)]
        paths = {path for call in calls for path in self._names.paths(call.func)}
        return paths & set(self._names.classes)

    def _functions(self, paths):
        """What the script defines under dotted paths."""
        names, found = self._names, []
        for path in sorted(paths):
            head, _, name = path.rpartition(".")
            if not head and name in names.functions:
                found += names.functions[name]
            elif not head and name in names.classes:
                for wanted in ("__new__", "__init__", "__post_init__"):
                    found += names.method(name, wanted)
            elif not head:
                leaves = names.leaves(ast.Name(name, ast.Load()))
                found += [leaf for leaf in leaves if isinstance(leaf, ast.Lambda)]
            elif head in names.classes:
                found += names.method(head, name)
            elif path.startswith(".") or path.split(".")[0] not in self._roots:
                # Whatever the object is: a method is followed by its name alone.
                found += names.methods.get(name, [])
        return found

    def _judge(self, call, chain, found):
        """Note a call of a kind that the course forbids on import."""
        kind = "application" if self._names.application(call.func) else ""
        for path in sorted(self._names.paths(call.func)):
            kind = kind or self._kind(path)
        if kind:
            written = self._names.dotted(call.func).lstrip(".")
            found.append({"kind": kind, "call": written, "line": call.lineno, "chain": list(chain)})

    def _kind(self, path):
        names = self._names
        head, _, name = path.rpartition(".")
        own = names.methods if head in ("self", "cls") or head in names.classes else ()
        if (not head and (name in names.functions or name in names.classes)) or name in own:
            return ""  # it is followed instead
        root = path.split(".")[0]
        if name == "load_data" or (root == "tensorflow_datasets" and name == "load"):
            return "load_data"
        if name in LOADS:
            return "load_model"
        if "." not in path or root in OTHER_ROOTS:
            return ""
        if name in TRAINS:
            return "fit"
        return "save" if name in SAVES else ""


def _list(items):
    return items if isinstance(items, list) else [items]
