"""What names in a script stand for: ``K.applications.X`` to ``tensorflow.keras.applications.X``.

Reads a syntax tree; nothing of the script runs. Standard library only.
"""

from __future__ import annotations

import ast
import re

APPLICATION = re.compile(
    r"^(Xception|VGG\d+|ResNet\w*|Inception\w+|MobileNet\w*|DenseNet\d+|NASNet\w+|EfficientNet\w+"
    r"|ConvNeXt\w+|RegNet\w+)$"
)


class Names:
    """Aliases and constants of one script, without regard to scope: the last one wins."""

    def __init__(self, tree):
        self.aliases = {}
        self.constants = {}
        self.stars = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    head = alias.name if alias.asname else alias.name.split(".")[0]
                    self.aliases[alias.asname or head] = head
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.append(node.module or "")
                    else:
                        path = "{}.{}".format(node.module or "", alias.name)
                        self.aliases[alias.asname or alias.name] = path
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                self._assign(node.targets[0], node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._assign(node.target, node.value)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                named = node.args.args[len(node.args.args) - len(node.args.defaults) :]
                for argument, default in zip(named, node.args.defaults):
                    self._assign(ast.Name(argument.arg), default)

    def _assign(self, target, value):
        if not isinstance(target, ast.Name):
            return
        text = self.text(value)
        if text is not None:
            self.constants.setdefault(target.id, text)
        elif isinstance(value, ast.Attribute):
            path = self.dotted(value)
            if path.split(".")[0] in ("tensorflow", "keras"):
                self.aliases.setdefault(target.id, path)

    def dotted(self, node):
        """The dotted path of a name or attribute, aliases resolved; "" for anything else."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            # A method of what a call returns: only its own name is known.
            return "." + ".".join(reversed(parts)) if parts else ""
        parts.append(self.aliases.get(node.id, node.id))
        return ".".join(reversed(parts))

    def text(self, node):
        """The string that an expression is, as far as it can be read; None otherwise."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Name):
            return self.constants.get(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.text(node.left), self.text(node.right)
            return None if left is None or right is None else left + right
        if isinstance(node, ast.Call) and self.dotted(node.func).endswith("path.join"):
            parts = [self.text(argument) for argument in node.args]
            return None if None in parts else "/".join(parts)
        return None

    def application(self, call):
        """The name of the Keras application that a call builds, or ""."""
        path = self.dotted(call.func)
        name = path.rsplit(".", 1)[-1]
        if ".applications." in path and name[:1].isupper():
            return name
        starred = any("applications" in star for star in self.stars)
        if starred and path == name and APPLICATION.match(name):
            return name
        inner = call.func
        # getattr(K.applications, NAME)(...)
        if not isinstance(inner, ast.Call) or self.dotted(inner.func) != "getattr" or len(inner.args) < 2:
            return ""
        if not self.dotted(inner.args[0]).endswith(".applications"):
            return ""
        return self.text(inner.args[1]) or "getattr"
