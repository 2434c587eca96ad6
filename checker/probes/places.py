"""Every place in a model's configuration that would run or read something when the model is loaded.

The whole of the JSON is walked, whatever it claims to be: Keras turns objects into layers, functions and
values wherever they lie, in wrappers, cells, call arguments and settings of the compilation.
"""

from __future__ import annotations

import re

import bytecode
import stock

MAX_NODES = 3_000_000
MAX_PLACES = 300  # that are told; all are counted
MAX_DEPTH = 50  # names of a path that are shown
SHORTEST_CODE = 60  # characters; that of `lambda: None` has 100 and more
# Steps of a path that say nothing beside the name of the object in them.
_SILENT = ("config", "layers", "args", "kwargs", "model_config")
_NAMED = re.compile(r"(activation|initializer|regularizer|constraint)$|^(loss|metrics|weighted_metrics|fn)$")
_NODE = re.compile(r'"?op"?\s*:\s*"(\w{1,80})"')


class Places:
    """Walks a configuration; ``found`` is called with each place, a dictionary.

    ``kind``, ``path``, ``what`` (a line), ``acts`` (whether it runs or reads something), and of code:
    ``names``, ``constants``, ``python``, ``compiled_in`` (the file that it stood in) and ``error``.
    ``note(kind, place, detail)`` is called for what is odd beside them. ``count`` and ``acting`` are the
    numbers of all places, and of those that run or read something.
    """

    def __init__(self, found, note):
        self._found, self._note = found, note
        self._left = MAX_NODES
        self._decoded = set()  # of texts that were taken for code, which are not looked at again
        self.count = self.acting = 0

    def walk(self, value, start):
        """Walk what JSON gave; ``start`` is the first name of every path."""
        stack = [(value, (None, start), None)]
        while stack:
            self._left -= 1
            if self._left < 0:
                self._note("not-read-whole", start, "more than {:,} parts".format(MAX_NODES))
                return
            value, path, role = stack.pop()
            if isinstance(value, dict):
                stack += self._table(value, path, role)
            elif isinstance(value, list):
                stack += [(item, path, role) for item in reversed(value)]
            elif isinstance(value, str):
                self._text(value, path, role)

    def _table(self, node, path, role):
        """Look at an object; what lies in it is still to be walked, the first part last."""
        name = node.get("class_name")
        told = ()
        if isinstance(name, str):
            path, role = (path, _label(node)), None
            told = ("class_name", "module", "registered_name")
            if isinstance(node.get("config"), str):
                told += ("config",)  # the name of a function
            self._object(name, node, path)
        self._same_names(node.get("layers"), path)
        parts = []
        for key, value in node.items():
            if key not in told:
                deeper = path if key in _SILENT or isinstance(value, (str, int, float)) else (path, key)
                parts.append((value, deeper, key if _NAMED.search(key) else role))
        return reversed(parts)

    def _same_names(self, layers, path):
        """Note layers of one model that have one name: which of them weights go to is not said."""
        seen = set()
        for layer in layers if isinstance(layers, list) else ():
            name = (
                _label(layer)
                if isinstance(layer, dict) and isinstance(layer.get("class_name"), str)
                else None
            )
            if name is not None and name in seen:
                self._note("duplicate-layer", shown((path, name)), "two layers of this name in one model")
            seen.add(name)

    def _object(self, name, node, path):
        """Look at a serialized object."""
        config = node.get("config")
        config = config if isinstance(config, dict) else {}
        if name in stock.LAMBDA:
            self._lambda(name, config, path)
        elif name in stock.OPERATIONS:
            self._operation(name, node, config, path)
        elif name in stock.LOADERS:
            what = config.get("filepath") or name
            self._place(stock.LOADERS[name], path, "{}: {}".format(name, _short(what)))
        elif name == "function":
            self._function(node, path)
        elif name not in stock.VALUES:
            self._class(name, node, path)
        if name in stock.LOOKUPS and isinstance(config.get("vocabulary"), str):
            self._place("file", path, "reads its vocabulary from " + _short(config["vocabulary"]))
        if name == "__typespec__" and node.get("module"):
            self._type(node, path)

    def _lambda(self, name, config, path):
        """A Lambda layer, or a function that Keras 3 keeps as code; its shape and mask may be code too."""
        function = config.get("function", config.get("code", config.get("value")))
        by_name = isinstance(function, str) and config.get("function_type", "function") == "function"
        if name == "Lambda" and by_name:
            words = "calls the function {} of the module {}"
            self._place("function", path, words.format(_short(function), _short(config.get("module"))))
        elif isinstance(function, dict) and "class_name" in function:
            pass  # an object of its own, which is walked
        else:
            self._encoded(function, path)
        for key in ("output_shape", "mask"):
            if config.get(key + "_type") == "lambda":
                self._encoded(config.get(key), (path, key))

    def _encoded(self, value, path):
        """What Keras would take for code, whatever it is."""
        value = value[0] if isinstance(value, list) and value else value
        if not isinstance(value, str):
            self._place("lambda", path, "code that is not where Keras puts it", error="no code")
            return
        self._decoded.add(id(value))
        self._code(bytecode.decode(value), path)

    def _type(self, node, path):
        module = node["module"]
        outside = not isinstance(module, str) or module.split(".")[0] not in (
            "tensorflow",
            "builtins",
            "keras",
        )
        if outside:
            what = "{} of the module {}".format(_short(node.get("spec_name")), _short(module))
            self._place("import", path, what)

    def _operation(self, name, node, config, path):
        function = config.get("function", config.get("method_name", config.get("attr_name", "")))
        if name == "TensorFlowOpLayer":
            definition = config.get("node_def", "")
            match = _NODE.search(definition if isinstance(definition, str) else str(definition)[:100_000])
            symbol = match.group(1) if match else "a node that is not named"
            pure = symbol in stock.PURE_NODES
        else:
            symbol = _short(function)
            pure = _pure(symbol)
        given = [bytecode.shown(text) for text in _strings(node.get("inbound_nodes"))]
        given += [bytecode.shown(text) for text in _strings(config.get("constants"))]
        self._place("operation", path, symbol, acts=not pure, constants=list(dict.fromkeys(given)))

    def _function(self, node, path):
        """A function by name: Keras's own, or one that is looked up, or imported, elsewhere."""
        name, module = _short(node.get("config")), node.get("module")
        if module in (None, "builtins"):
            if not _known(name):
                self._place("custom", path, "the function {}".format(name))
        elif not _stock_module(module):
            self._place(_outside(module), path, "{} of the module {}".format(name, _short(module)))
        elif not _known(name) and "ops" not in module.split("."):
            self._place("keras-function", path, "{} of the module {}".format(name, _short(module)))

    def _class(self, name, node, path):
        module, registered = node.get("module"), node.get("registered_name")
        plain = name[len("Custom>") :] if name.startswith("Custom>") else name
        if module and not _stock_module(module):
            self._place(_outside(module), path, "{} of the module {}".format(_short(name), _short(module)))
        elif isinstance(registered, str) and ">" in registered and not _registered_by_keras(registered):
            self._place("custom", path, "the class {}".format(_short(registered)))
        elif plain in stock.CLASSES or _known(plain):
            return
        elif not module:
            self._place("custom", path, "the class {}".format(_short(name)))
        elif not name[:1].isupper():
            self._place("keras-function", path, "{} of the module {}".format(_short(name), _short(module)))

    def _text(self, value, path, role):
        if role is not None and not _known(value):
            self._place("custom", path, "{}: the function {}".format(_short(role), _short(value)))
        if id(value) not in self._decoded and _looks_like_code(value):
            self._code(bytecode.decode(value), path)

    def _code(self, data, path):
        kind = "lambda"
        try:
            code = bytecode.read(data)
        except bytecode.Unreadable as error:
            what = "{:,} bytes that are no code of Python 3.6 to 3.14: {}".format(len(data), error)
            self._place(kind, path, what, error=str(error))
            return
        names, constants = bytecode.names(code), bytecode.constants(code)
        self._place(
            kind,
            path,
            "{:,} bytes of code: {}".format(len(data), _short(code.name)),
            names=names,
            constants=constants,
            python=bytecode.python(code),
            compiled_in=_short(code.filename),
        )

    def _place(self, kind, path, what, acts=True, **more):
        self.count += 1
        self.acting += acts
        if self.count > MAX_PLACES:
            return
        for key in ("names", "constants"):
            items = more.get(key, [])
            more[key + "_count"] = len(items)
            more[key] = [_short(item) for item in items[: bytecode.MAX_SHOWN]]
        self._found(dict(more, kind=kind, path=shown(path), what=_short(what, 300), acts=acts))


def shown(path):
    """A path as text, its middle left out where it is long."""
    names = []
    while path is not None:
        path, name = path
        names.append(_short(name, 80))
    names.reverse()
    if len(names) > MAX_DEPTH:
        left_out = len(names) - MAX_DEPTH
        half = MAX_DEPTH // 2
        names = [*names[:half], "({:,} more)".format(left_out), *names[-half:]]
    return " > ".join(names)


def _label(node):
    config = node.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    name = name if isinstance(name, str) else node.get("name")
    return name if isinstance(name, str) and name else node["class_name"]


def _looks_like_code(value):
    """Whether a text begins as compiled code does.

    A code object begins with 0xe3 or 0x63 and a number of four bytes, an argument count, whose last is 0.
    """
    if len(value) < SHORTEST_CODE:
        return False
    start = bytecode.decode(value[:200])[:5]
    return len(start) == 5 and start[0] in (0xE3, 0x63) and start[3:5] == b"\0\0"


def _strings(value):
    """Texts in what a layer is called with, less the names of the layers that it is called on."""
    found, stack, left = [], [value], 10_000
    while stack and left:
        left -= 1
        value = stack.pop()
        if isinstance(value, dict):
            stack += [item for key, item in value.items() if key not in ("name", "class_name")]
        elif isinstance(value, list):
            reference = len(value) > 1 and isinstance(value[0], str) and isinstance(value[1], int)
            stack += reversed(value[1:] if reference else value)
        elif isinstance(value, str):
            found.append(value)
    return found


def _pure(symbol):
    name = symbol[len("compat.v1.") :] if symbol.startswith("compat.v1.") else symbol
    return name in stock.PURE or name.split(".")[0] in stock.PURE_MODULES


def _known(name):
    """Whether Keras has a loss, an activation or the like of this name, in any of its spellings."""
    return name in stock.CLASSES or name in stock.FUNCTIONS or name.lower() in _LOWER


_LOWER = frozenset(name.lower() for name in (*stock.CLASSES, *stock.FUNCTIONS))


def _stock_module(module):
    """Whether a module is one of Keras's whose names compute alone."""
    parts = module.split(".") if isinstance(module, str) else []
    for at in range(len(parts), 0, -1):
        if ".".join(parts[:at]) in stock.PACKAGES:
            rest = [part for part in parts[at:] if part not in ("engine", "src")]
            return not rest or rest[0] in stock.MODULES
    return False


def _outside(module):
    inside = isinstance(module, str) and module.split(".")[0] in ("keras", "tensorflow", "tf_keras")
    return "keras-function" if inside else "import"


def _registered_by_keras(name):
    package, _, rest = name.partition(">")
    return package in ("keras", "Custom", "keras.metrics", "keras.losses") and rest in stock.CLASSES


def _short(value, limit=200):
    value = value if isinstance(value, str) else repr(value)[: limit + 1]
    return value if len(value) <= limit else value[: limit // 2] + " ... " + value[-limit // 2 :]
