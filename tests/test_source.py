"""The static reading of a script: through the real probe, in the real sandbox."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from checker import checks, editions, interpreters, submission
from checker.gather import Evidence, Request
from checker.outcomes import Outcome
from checker.probing import Prober
from checker.progress import Observer
from checker.sandbox import Sandbox
from tests import fixtures_run

HEAD = "#!/usr/bin/env python3\n'''Doc'''\nimport tensorflow.keras as K\n"
GUARD = "if __name__ == '__main__':\n    main()\n"
FIT = "def main():\n    '''Doc'''\n    K.Sequential().fit(1, 2)\n"
APP = "K.applications.DenseNet121(include_top=False)"

Read = Callable[..., Evidence]
EDITION = editions.load(editions.DEFAULT, checks.every())


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Read a script (text or bytes) and return the evidence; ``limits`` are the edition's, changed.

    Without ``style`` there is no such pycodestyle: importing it takes most of the time of a reading.
    """
    interpreter = interpreters.ask(fixtures_run.PYTHON)
    box = Sandbox(interpreter, tmp_path_factory.mktemp("scratch"))
    numbers = itertools.count()

    def read(source: Any, folder: Optional[Path] = None, style: bool = False, **limits: int) -> Evidence:
        if folder is None:
            folder = tmp_path_factory.mktemp("submission{}-".format(next(numbers)))
            script = folder / "0-transfer.py"
            script.write_bytes(source if isinstance(source, bytes) else source.encode())
            script.chmod(0o755)
        edition = dataclasses.replace(EDITION, limits=dataclasses.replace(EDITION.limits, **limits))
        if not style:
            edition = dataclasses.replace(edition, pycodestyle="none")
        workspace = tmp_path_factory.mktemp("workspace")
        taken = submission.take(str(folder), edition, workspace)
        request = Request(quick=True, exact=False, images=(), seed=0)
        return Evidence(taken, edition, interpreter, Prober(edition, box, workspace), request, Observer())

    yield read


def judge(evidence: Evidence, name: str) -> Tuple[str, str, List[str]]:
    """Run one check: its status, what it found and where, and its flags."""
    function = checks.every()[name]
    flags: List[str] = []
    wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
    given: Dict[str, Any] = {
        "evidence": evidence,
        "edition": evidence.edition,
        "flag": lambda _, found: flags.append(found),
    }
    try:
        function(**{key: given[key] for key in wanted})
    except Outcome as outcome:
        return outcome.status.value, "{0.found}\n{0.where}\n{0.advice}".format(outcome.reason), flags
    return "passed", "", flags


def status(read: Read, source: Any, name: str) -> str:
    return judge(read(source), name)[0]


# Style: what the command line prints, and nothing else


STYLES: Dict[str, Any] = {
    "clean": HEAD + "x = 1\n",
    "escape": HEAD + "x = '\\d'\n",
    "tabs": "if 1:\n\tx = 1\n        y = 2\n\tif x:\n\t\ty = 3\n",
    "crlf": (HEAD + "x = 1 \n").replace("\n", "\r\n"),
    "old mac": "x = 1\ry = 2\r",
    "blank lines at the end": "x = 1\n\n\n",
    "no final newline": "x = 1",
    "only blanks": "   ",
    "long": "x = '" + "a" * 80 + "'\n# " + "b" * 100 + "\n#: http://" + "c" * 100 + "\n",
    "wide characters": "# " + "\u00e9\u6f22" * 39 + "\nx = '" + "\U0001f600" * 75 + "'\n",
    "noqa": "import os, sys  # noqa\nimport os, sys  # NOQA: E401\nx=1  # noqa:E225\ny=2\n",
    "default ignores": "x = [\n  1,\n    2]\nx = (1\n     + 2 +\n     3)\ny = x*2\ndef f(): pass\n",
    "syntax error": "def f(:\n    x = (1,\n",
    "open bracket": "x = (1,\n     2\n",
    "bad indent": "def f():\n        x = 1\n    y = 2\n",
    "python 2": "print 'a'\nif x <> 2:\n    exec 'b'\nraise E, 'c'\n",
    "open string": "x = '''abc\n",
    "form feed": "x = 1\n\x0c\n\n\ndef f():\n    return x\n",
    "bom": b"\xef\xbb\xbfx = 1\ny=2\n",
    "latin-1": b"# -*- coding: latin-1 -*-\nx = '\xe9'\ny=1\n",
    "not utf-8": b"x = '\xe9'\ny=1\n",
    "bad coding": b"# -*- coding: nonsense -*-\nx=1\n",
    "null": b"x = 1\n\0\ny=2\n",
    "lambda, bare except": "f = lambda: 0\ntry:\n    f()\nexcept:\n    l = 1\n",
    "none, not in": "if f == None or not f in []:\n    pass\n",
    "f-string": "x = f'{1+1}{ 2 }'\ny = f\"{x!r:>{10}}\"\nprint( x )\n",
    "two hundred": "x=1 \n" * 150,
    "two hundred, in Chinese": "x=1  #"
    + "\u6f22" * 60
    + " \n" * 1
    + ("x=1  #" + "\u6f22" * 60 + " \n") * 120,
}


@pytest.mark.parametrize("name", sorted(STYLES))
def test_style_is_what_the_command_line_prints(name: str, read: Read, tmp_path: Path) -> None:
    source = STYLES[name]
    evidence = read(source, style=True)
    style = evidence.source().style
    (tmp_path / "0-transfer.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    wheel = editions.__file__.replace("editions.py", "vendor/pycodestyle-2.6.0-py2.py3-none-any.whl")
    command = (
        "import sys, runpy\n"
        "sys.path.insert(0, sys.argv.pop(1))\n"
        "runpy.run_module('pycodestyle', None, '__main__')"
    )
    done = subprocess.run(
        [fixtures_run.PYTHON, "-c", command, wheel, "0-transfer.py"],
        cwd=str(tmp_path),
        env={"HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        check=False,
    )
    printed = done.stdout.decode("utf-8", "replace").splitlines()
    assert style is not None
    if done.returncode not in (0, 1) or b"Traceback" in done.stderr:
        assert style.error is not None and judge(evidence, "style")[0] == "failed"
        return
    assert style.error is None
    assert style.total == len(printed)
    found = ["0-transfer.py:{0.line}:{0.column}: {0.code} {0.text}".format(item) for item in style.findings]
    assert found == printed[: len(found)]
    assert len(found) >= min(5, len(printed))
    assert judge(evidence, "style")[0] == ("failed" if printed else "passed")


# Syntax: a file that Python refuses fails, with its line; one that it takes does not


BROKEN: Dict[str, Tuple[Any, str]] = {
    "python 2": (HEAD + "print 'a'\n", "line 4"),
    "return outside a function": (HEAD + "return 1\n", "line 4"),
    "twice the same parameter": (HEAD + "def f(a, a):\n    pass\n", "line 4"),
    "null": (b"x = 1\n\0\n", "null byte"),
    "latin-1 in a comment": (b"x = 1\n# caf\xe9\n", "line 2"),
    "latin-1 in a string": (b"'''x'''\n\ny = '\xe9'\n", "line 3"),
    "unknown coding": (b"# -*- coding: nonsense -*-\n", "line 1"),
    "merge conflict": (HEAD + "<<<<<<< HEAD\nx = 1\n=======\n", "line 4"),
    "notebook": ('{"cells": [],\n "nbformat": 4, "x": nul l}\n', "line 2"),
    "mixed tabs": ("if 1:\n        x = 1\n\ty = 2\n", "line 3"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_syntax_fails(name: str, read: Read) -> None:
    source, words = BROKEN[name]
    evidence = read(source)
    for check in ("imports", "documentation", "guarded", "saves_model", "preprocess_defined"):
        found, said, _ = judge(evidence, check)
        assert found == "failed" and words in said, said
        assert "line 0" not in said


@pytest.mark.parametrize(
    "source",
    [
        HEAD.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + HEAD.encode(),
        b"#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\n'''caf\xe9'''\nimport tensorflow.keras as K\n",
        HEAD + "x = 'caf\u00e9'\n\x0c\nif x:\n\ty = 1\n",
        HEAD.replace("\n", "\r"),
    ],
)
def test_unusual_but_valid_files_are_read(source: Any, read: Read) -> None:
    evidence = read(source)
    assert judge(evidence, "imports")[0] == "passed"
    assert judge(evidence, "documentation")[0] == "passed"


# Documentation


DOCUMENTATION = [
    ("'''Doc'''\n", ""),
    ("u'''Doc'''\n", ""),
    ("('Doc'\n 'more')\n", ""),
    ("__doc__ = 'Doc'\n", ""),
    ("'''Doc'''\ndef f():\n    pass\nf.__doc__ = 'Doc'\n", ""),
    ("# comment\n", "the module"),
    ("''\n", "the module"),
    ("'''  \n  '''\n", "the module"),
    ("f'''Doc'''\n", "the module"),
    ("b'''Doc'''\n", "the module"),
    ("'Doc'.strip()\n", "the module"),
    ("import tensorflow.keras as K\n'''Doc'''\n", "the module"),
    ("'''Doc'''\ndef f():\n    # Doc\n    pass\n", "function f (line 2)"),
    ("'''Doc'''\ndef f():\n    f'''Doc'''\n", "function f (line 2)"),
    ("'''Doc'''\ndef f():\n    x = 1\n    'Doc'\n", "function f (line 2)"),
    ("'''Doc'''\nasync def f():\n    pass\n", "function f (line 2)"),
    ("'''Doc'''\nclass A:\n    pass\n", "class A (line 2)"),
    ("'''Doc'''\nclass A:\n    'Doc'\n    def m(self):\n        pass\n", "method A.m (line 4)"),
    ("'''Doc'''\ndef f():\n    'Doc'\n    def g():\n        pass\n", "function f.g (line 4)"),
    (
        "'''Doc'''\nif 1:\n    try:\n        pass\n    except E:\n        def g():\n            pass\n",
        "g (line 6)",
    ),
    ("'''Doc'''\nwith x:\n    for y in z:\n        def g():\n            pass\n", "function g (line 4)"),
    ("'''Doc'''\nf = lambda: 0\n", ""),
    ("'''Doc'''\n" + GUARD + "def late():\n    pass\n", "function late (line 4)"),
]


@pytest.mark.parametrize("source, words", DOCUMENTATION)
def test_documentation(source: str, words: str, read: Read) -> None:
    found, said, _ = judge(read(source), "documentation")
    assert found == ("failed" if words else "passed"), said
    assert words in said


# Imports, and ways round the rule


IMPORTS = [
    ("", ""),
    ("def f():\n    import tensorflow.keras as K\n", ""),
    ("import tensorflow as tf\n", "line 4: import tensorflow as tf"),
    ("import tensorflow.keras as keras\n", "line 4: import tensorflow.keras as keras"),
    ("from tensorflow import keras as K\n", "line 4: from tensorflow import keras as K"),
    (
        "from tensorflow.keras.callbacks import (EarlyStopping,\n    ModelCheckpoint)\n",
        "callbacks import EarlyStopping",
    ),
    ("def f():\n    if 1:\n        import numpy as np\n", "line 6: import numpy as np"),
    ("import tensorflow.keras as K, os\n", "line 4: import os"),
    ("from tensorflow.keras.applications import *\n", "line 4: from tensorflow.keras.applications import *"),
    ("from . import helper\n", "line 4: from . import helper"),
    ("try:\n    import cPickle\nexcept ImportError:\n    pass\n", "line 5: import cPickle"),
    ("from __future__ import annotations\n", "from __future__"),
    ("import tensorflow.keras as K\n" * 150 + "import os\n", "line 154: import os"),
    ("import " + "a" * 300_000 + "\n", "import aaa"),
]


@pytest.mark.parametrize("source, words", IMPORTS, ids=range(len(IMPORTS)))
def test_imports(source: str, words: str, read: Read) -> None:
    # A future import is only valid at the top.
    source = HEAD + source if "__future__" not in source else "'''Doc'''\n" + source
    found, said, flags = judge(read(source), "imports")
    assert found == ("failed" if words else "passed"), said
    assert words in said
    assert not flags


FLAGS = [
    ("np = __import__('numpy')\n", ["line 4: uses __import__,"]),
    ("def f():\n    return eval('1')\n", ["line 5: uses eval,"]),
    ("run = exec\nrun('import os')\n", ["line 4: uses exec,"]),
    ("__builtins__.eval('1')\n", ["line 4: uses __builtins__.eval,"]),
    ("x = __builtins__['eval']\n", ["line 4: uses __builtins__,"]),
    ("import builtins\nbuiltins.eval('1')\n", ["line 5: uses builtins.eval,"]),
    ("import builtins as b\nb.eval('1')\n", ["line 5: uses builtins.eval,"]),
    ("from builtins import eval as e\ne('1')\n", ["line 5: uses builtins.eval,"]),
    ("import importlib\nimportlib.import_module('os')\n", ["line 5: uses importlib.import_module,"]),
    ("from importlib import import_module as im\nim('os')\n", ["line 5: uses importlib.import_module,"]),
    ("K.backend.__import__('os')\n", ["__import__,"]),
    ("class A:\n    def eval(self):\n        pass\neval('1')\n", ["line 7: uses eval,"]),
    ("def f(x=eval):\n    eval = x\n", ["line 4: uses eval,"]),
    # None of these is the builtin.
    ("K.backend.eval(1)\nK.utils.eval = 2\n", []),
    ("def f(model):\n    eval = model.evaluate(1)\n    print(eval)\n", []),
    ("def f(eval):\n    return [eval for x in eval]\n", []),
    ("eval = 3\ndef f():\n    return eval\n", []),
    ("def f():\n    for exec in []:\n        print(exec)\n", []),
    ("x = 'eval __import__ importlib'  # exec\n", []),
    ("model = K.Sequential()\nmodel.eval()\nmodel.exec = 1\n", []),
    ("f(eval=1, exec=2)\n", []),
]


@pytest.mark.parametrize("source, words", FLAGS)
def test_ways_round_the_import_rule_are_flags(source: str, words: List[str], read: Read) -> None:
    flags = judge(read(HEAD + source), "imports")[2]
    assert len(flags) == len(words), flags
    for flag, word in zip(flags, words):
        assert word in flag


# Applications


APPLICATIONS = [
    ("def f():\n    return " + APP + "\n", True),
    ("x = K.applications.densenet.DenseNet121()\n", True),
    ("from tensorflow.keras.applications import ResNet50\nResNet50()\n", True),
    ("from tensorflow.keras.applications.densenet import DenseNet121 as D\nD()\n", True),
    ("import tensorflow as tf\ntf.keras.applications.EfficientNetB7()\n", True),
    ("import tensorflow.keras.applications.vgg16 as vgg\nvgg.VGG16()\n", True),
    ("from keras.applications.vgg16 import VGG16\nVGG16()\n", True),
    ("from tensorflow.keras import applications\napplications.Xception()\n", True),
    ("from tensorflow.keras.applications import *\nMobileNetV2()\n", True),
    ("from tensorflow.keras.applications.inception_v3 import *\nInceptionV3()\n", True),
    ("from tensorflow.keras import *\napplications.Xception()\n", True),
    ("app = K.applications.Xception\napp()\n", True),
    ("apps = K.applications\napps.Xception()\n", True),
    ("NAME = 'Xception'\ngetattr(K.applications, NAME)()\n", True),
    ("def f(name):\n    return getattr(K.applications, name)(weights=None)\n", True),
    ("getattr(K.applications, 'xception').Xception()\n", True),
    ("def f(net=K.applications.Xception):\n    return net()\n", True),
    ("def f(*, net=K.applications.Xception):\n    return net()\n", True),
    ("def f(net):\n    return net()\nf(K.applications.Xception)\n", True),
    ("def f(net):\n    return net()\nf(net=K.applications.Xception)\n", True),
    ("class A:\n    net = K.applications.Xception\n    def f(self):\n        return self.net()\n", True),
    ("NETS = {'x': K.applications.Xception}\nNETS['x']()\n", True),
    ("for name, net in [('x', K.applications.Xception)]:\n    net()\n", True),
    ("nets = [net() for net in (K.applications.Xception,)]\n", True),
    ("def choose():\n    return K.applications.Xception\nchoose()()\n", True),
    ("x = K.applications.Xception if 1 else None\nx()\n", True),
    ("from functools import partial\npartial(K.applications.Xception, weights=None)()\n", True),
    ("build = lambda: K.applications.NASNetLarge()\n", True),
    ("", False),
    ("x = K.applications.vgg16.preprocess_input(1)\n", False),
    ("x = K.applications.resnet50.decode_predictions(1)\n", False),
    ("x = K.models.load_model('a.h5')\n", False),
    ("'K.applications.Xception()'  # K.applications.Xception()\n", False),
    ("def ResNet50():\n    return 1\nResNet50()\n", False),
]


@pytest.mark.parametrize("source, built", APPLICATIONS)
def test_applications(source: str, built: bool, read: Read) -> None:
    assert status(read, HEAD + source, "application") == ("passed" if built else "failed")


# Saving


SAVES = [
    ("model.save('cifar10.h5')", "passed"),
    ("model.save('./cifar10.h5')", "passed"),
    ("model.save(filepath='cifar10.h5')", "passed"),
    ("model.save(overwrite=True, filepath='cifar10.h5')", "passed"),
    ("K.models.save_model(model, 'cifar10.h5')", "passed"),
    ("K.models.save_model(model=model, filepath='cifar10.h5', save_format='h5')", "passed"),
    ("K.Model.save(model, 'cifar10.h5')", "passed"),
    ("from tensorflow.keras.models import save_model\nsave_model(model, 'cifar10.h5')", "passed"),
    ("K.callbacks.ModelCheckpoint('cifar10.h5', save_best_only=True)", "passed"),
    ("from tensorflow.keras.callbacks import ModelCheckpoint as C\nC(filepath='cifar10.h5')", "passed"),
    ("path = 'cifar10.h5'\nmodel.save(path)", "passed"),
    ("path = 'old.h5'\npath = 'cifar10.h5'\nmodel.save(path)", "passed"),
    ("path = 'cifar10'\npath += '.h5'\nmodel.save(path)", "passed"),
    ("name = 'cifar10'\nmodel.save(name + '.h5')", "passed"),
    ("name = 'cifar10'\nmodel.save(f'{name}.h5')", "passed"),
    ("n = 10\nmodel.save(f'cifar{n}.h5')", "passed"),
    ("model.save('{}.h5'.format('cifar10'))", "passed"),
    ("model.save('{name}.{0}'.format('h5', name='cifar10'))", "passed"),
    ("model.save('%s.h5' % 'cifar10')", "passed"),
    ("model.save('cifar%d.%s' % (10, 'h5'))", "passed"),
    ("model.save('.'.join(['cifar10', 'h5']))", "passed"),
    ("import os\nmodel.save(os.path.join('.', 'cifar10.h5'))", "passed"),
    ("import os\nmodel.save(os.path.join(os.getcwd(), 'cifar10.h5'))", "passed"),
    ("import os\nmodel.save(os.getcwd() + '/cifar10.h5')", "passed"),
    (
        "import os\nmodel.save(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cifar10.h5'))",
        "passed",
    ),
    ("from pathlib import Path\nmodel.save(str(Path.cwd() / 'cifar10.h5'))", "passed"),
    ("from pathlib import Path\nmodel.save(Path(__file__).parent / 'cifar10.h5')", "passed"),
    ("def f(path='cifar10.h5'):\n    model.save(path)", "passed"),
    ("def f(model, path):\n    model.save(path)\nf(model, 'cifar10.h5')", "passed"),
    ("def f(model, *, path):\n    model.save(path)\nf(model, path='cifar10.h5')", "passed"),
    ("def save_model(model, path):\n    model.save(path)\nsave_model(model, 'cifar10.h5')", "passed"),
    ("class A:\n    PATH = 'cifar10.h5'\nmodel.save(A.PATH)", "passed"),
    (
        "class A:\n    def __init__(self, p):\n        self.p = p\n"
        "    def go(self):\n        m.save(self.p)\nA('cifar10.h5')",
        "passed",
    ),
    ("C = {'path': 'cifar10.h5'}\nmodel.save(C['path'])", "passed"),
    ("A, B = 'x', 'cifar10.h5'\nmodel.save(B)", "passed"),
    ("for p in ('a.h5', 'cifar10.h5'):\n    model.save(p)", "passed"),
    ("def path():\n    return 'cifar10.h5'\nmodel.save(path())", "passed"),
    ("save = model.save\nsave('cifar10.h5')", "passed"),
    ("K.Sequential().save('cifar10.h5')", "passed"),
    ("model.save_weights('w.h5')\nmodel.save('best.h5')\nmodel.save('cifar10.h5')", "passed"),
    ("".join("model.save('m{}.h5')\n".format(i) for i in range(150)) + "model.save('cifar10.h5')", "passed"),
    ("import sys\nmodel.save(sys.argv[1])", "blocked"),
    ("model.save('m-%.2f.h5' % score)", "blocked"),
    ("", "failed"),
    ("model.save('other.h5')", "failed"),
    ("model.save('cifar10')", "failed"),
    ("model.save('models/cifar10.h5')", "failed"),
    ("model.save('/content/drive/cifar10.h5')", "failed"),
    ("model.save('../cifar10.h5')", "failed"),
    ("model.save_weights('cifar10.h5')", "failed"),
    ("K.callbacks.ModelCheckpoint('cifar10.h5', save_weights_only=True)", "failed"),
    ("K.callbacks.ModelCheckpoint('cifar10.h5', 'acc', 1, True, True)", "failed"),
    ("import numpy as np\nnp.save('cifar10.h5', 1)", "failed"),
    ("K.models.load_model('cifar10.h5')", "failed"),
    ("def save(model, path):\n    pass\nsave(1, 'cifar10.h5')", "failed"),
    ("# model.save('cifar10.h5')", "failed"),
    ("model.save('best.h5', 'cifar10.h5')", "failed"),
    ("model.save('\\ud800.h5')", "failed"),
]


@pytest.mark.parametrize("source, expected", SAVES, ids=range(len(SAVES)))
def test_saves(source: str, expected: str, read: Read) -> None:
    assert status(read, HEAD + source + "\n", "saves_model") == expected


# What an import reaches


SILENT = [
    "",
    FIT + GUARD,
    FIT + "if '__main__' == __name__:\n    main()\n",
    FIT + "if __name__ == '__main__' and K:\n    main()\n",
    FIT + "if K and (1 and __name__ == '__main__'):\n    main()\n",
    FIT + "if __name__ == '__main__':\n    main()\nelse:\n    x = 1\n",
    FIT + "if __name__ != '__main__':\n    x = 1\nelse:\n    main()\n",
    FIT + "if not __name__ == '__main__':\n    pass\nelse:\n    main()\n",
    FIT + "if not (__name__ != '__main__'):\n    main()\n",
    FIT + "if __name__ in ('__main__',):\n    main()\n",
    FIT + "run = __name__ == '__main__'\nif run:\n    main()\n",
    FIT + "MAIN = '__main__'\nif __name__ == MAIN:\n    main()\n",
    FIT + "__name__ == '__main__' and main()\n",
    FIT + "main() if __name__ == '__main__' else None\n",
    FIT + "while __name__ == '__main__':\n    main()\n    break\n",
    FIT + "if __name__ == '__main__':\n    if K:\n        main()\n    elif 1:\n        main()\n",
    FIT + "if False:\n    main()\n",
    FIT + "def go():\n    if __name__ != '__main__':\n        return\n    main()\ngo()\n",
    FIT + "def go(name):\n    if name == '__main__':\n        main()\ngo(__name__)\n",
    FIT + GUARD + "def late():\n    main()\n",
    "def main():\n    K.datasets.cifar10.load_data()\n    " + APP + "\n" + GUARD,
    "def main():\n    model.save('x')\n" + GUARD,
    "f = lambda: K.Sequential().fit(1)\n",
    "class A:\n    def __init__(self):\n        self.fit()\n    def fit(self):\n        m.fit(1)\n",
    "class A:\n    def call(self):\n        m.fit(1)\nif __name__ == '__main__':\n    A().call()\n",
    "app = K.applications.Xception\n",
    "NETS = [K.applications.Xception, K.applications.VGG16]\n",
    "preprocess = K.applications.xception.preprocess_input\nx = preprocess(1)\n",
    "def load_data():\n    '''Doc'''\n    return 1\nx = load_data()\n",
    "def resize():\n    K.Sequential().fit(1)\ny = K.backend.resize(1)\n",
    "def deco(f):\n    def inner():\n        return f()\n    return inner\n@deco\n" + FIT + GUARD,
    "import numpy as np\nnp.save('x', 1)\n",
    "callback = K.callbacks.EarlyStopping()\nadam = K.optimizers.Adam()\nx = K.utils.to_categorical([1])\n",
    "from __future__ import annotations\ndef f(x: m.fit(1)) -> m.fit(2):\n    pass\n",
    "while True:\n    break\n    K.Sequential().fit(1)\n",
]


@pytest.mark.parametrize("source", SILENT)
def test_import_reaches_nothing(source: str, read: Read) -> None:
    source = source if "__future__" in source else HEAD + source
    found, said, _ = judge(read(source), "guarded")
    assert found == "passed", said


REACHED = [
    ("K.Sequential().fit(1)\n", "line 4: fit(...) trains"),
    ("model = K.Sequential()\nmodel.fit(1)\n", "line 5: model.fit(...) trains"),
    (FIT + "main()\n", "line 7: main() -> line 6: fit(...) trains"),
    (
        "(X, Y), _ = K.datasets.cifar10.load_data()\n",
        "line 4: K.datasets.cifar10.load_data(...)",
    ),
    ("from tensorflow.keras.datasets.cifar10 import load_data as l\nl()\n", "loads the data set"),
    ("load = K.datasets.cifar10.load_data\nload()\n", "loads the data set"),
    (
        "def load_data():\n    return K.datasets.cifar10.load_data()\nload_data()\n",
        "line 6: load_data() -> line 5",
    ),
    ("base = " + APP + "\n", "builds a Keras application"),
    ("def f(net=K.applications.Xception):\n    net()\nf()\n", "builds a Keras application"),
    ("K.models.load_model('cifar10.h5')\n", "loads a model"),
    ("K.models.load_model('a').save('cifar10.h5')\n", "saves a model"),
    ("K.Sequential().save('cifar10.h5')\n", "saves a model"),
    ("from tensorflow.keras.models import load_model\nload_model('cifar10.h5')\n", "loads a model"),
    (
        "class A:\n    def __init__(self):\n        self.run()\n    def run(self):\n        m.fit(1)\nA()\n",
        "line 9: __init__() -> line 6: run()",
    ),
    ("class B:\n    def __init__(self):\n        m.fit(1)\nclass A(B):\n    pass\nA()\n", "line 9"),
    ("class A:\n    def __call__(self):\n        m.fit(1)\na = A()\na()\n", "line 8"),
    ("class A:\n    def __call__(self):\n        m.fit(1)\nA()()\n", "line 7"),
    ("class A:\n    @staticmethod\n    def go():\n        m.fit(1)\nA.go()\n", "line 8: go()"),
    ("class A:\n    m.fit(1)\n", "line 5"),
    ("class A:\n    def __enter__(self):\n        m.fit(1)\nwith A() as a:\n    pass\n", "line 7"),
    ("def run(f):\n    f()\n    return f\n@run\n" + FIT, "run"),
    ("def run(x):\n    def deco(f):\n        f()\n        return f\n    return deco\n@run(1)\n" + FIT, "fit"),
    ("class Run:\n    def __init__(self, f):\n        f()\n@Run\n" + FIT, "fit"),
    (
        "def deco(f):\n    return K.datasets.cifar10.load_data()\n@deco\ndef f():\n    pass\n",
        "loads the data set",
    ),
    ("def f(data=K.datasets.cifar10.load_data()):\n    pass\n", "loads the data set"),
    ("f = lambda data=K.datasets.cifar10.load_data(): data\n", "loads the data set"),
    ("def f(x: K.Sequential().fit(1)):\n    pass\n", "trains"),
    (FIT + "with K:\n    main()\n", "line 8: main()"),
    (FIT + "try:\n    main()\nexcept Exception:\n    pass\n", "line 8: main()"),
    (FIT + "try:\n    pass\nfinally:\n    main()\n", "main()"),
    (FIT + "if K:\n    main()\n", "main()"),
    (FIT + "for i in range(3):\n    main()\n", "main()"),
    (FIT + "x = [main() for i in range(3)]\n", "main()"),
    (FIT + "x = {1: main()}\n", "main()"),
    (FIT + "if __name__ == '__main__':\n    pass\nelse:\n    main()\n", "line 10: main()"),
    (FIT + "if __name__ != '__main__':\n    main()\n", "main()"),
    (FIT + "if __name__ == '__main__' or K:\n    main()\n", "main()"),
    (FIT + "if not __name__ == '__main__':\n    main()\n", "main()"),
    (FIT + "if __name__:\n    main()\n", "main()"),
    (FIT + "if __name__ == '0-transfer':\n    main()\n", "main()"),
    (FIT + "if K:\n    pass\nelif main():\n    pass\n", "main()"),
    (FIT + GUARD + "main()\n", "line 9: main()"),
    (FIT + "run = main\nrun()\n", "line 8: main()"),
    (FIT + "{'main': main}['main']()\n", "main()"),
    (FIT + "def call(f):\n    f()\ncall(main)\n", "line 9: call() -> line 8: main()"),
    (FIT + "def call(f):\n    f()\ncall(lambda: main())\n", "main()"),
    (FIT + "list(map(main, [1]))\n", "main()"),
    (FIT + "import atexit\natexit.register(main)\n", "main()"),
    (FIT + "import threading\nthreading.Thread(target=main).start()\n", "main()"),
    (FIT + "(lambda: main())()\n", "main()"),
    (FIT + "f = lambda: main()\nf()\n", "main()"),
    (FIT + "assert main()\n", "main()"),
    (FIT + "x = main() if K else 1\n", "main()"),
    (FIT + "while main():\n    pass\n", "main()"),
    (FIT + "print(f'{main()}')\n", "main()"),
    (
        FIT + "def a():\n    b()\ndef b():\n    a()\n    main()\na()\n",
        "a() -> line 8: b() -> line 11: main()",
    ),
    (
        "def outer():\n    def inner():\n        m.fit(1)\n    inner()\nouter()\n",
        "line 8: outer() -> line 7: inner()",
    ),
    ("import tensorflow_datasets as tfds\ntfds.load('cifar10')\n", "loads the data set"),
]


@pytest.mark.parametrize("source, words", REACHED)
def test_import_reaches(source: str, words: str, read: Read) -> None:
    found, said, _ = judge(read(HEAD + source), "guarded")
    assert found == "failed"
    assert words in said


# preprocess_data


PREPROCESS = [
    ("def preprocess_data(X, Y):\n    return X, Y\n", "passed", ""),
    ("def preprocess_data(X, Y, size=1):\n    return X, Y\n", "passed", ""),
    ("def preprocess_data(*args):\n    return args\n", "passed", ""),
    ("def preprocess_data(X, Y, *, size=1):\n    return X, Y\n", "passed", ""),
    ("preprocess_data = lambda X, Y: (X, Y)\n", "passed", ""),
    ("if 1:\n    def preprocess_data(X, Y):\n        return X, Y\n", "passed", ""),
    ("try:\n    pass\nfinally:\n    def preprocess_data(X, Y):\n        return X, Y\n", "passed", ""),
    (GUARD + "def preprocess_data(X, Y):\n    return X, Y\n", "passed", ""),
    (
        "if __name__ == '__main__':\n    pass\nelse:\n    def preprocess_data(X, Y):\n        return X, Y\n",
        "passed",
        "",
    ),
    ("if __name__ != '__main__':\n    def preprocess_data(X, Y):\n        return X, Y\n", "passed", ""),
    ("def preprocess_data(X):\n    pass\ndef preprocess_data(X, Y):\n    return X, Y\n", "passed", ""),
    ("def prep(X, Y):\n    return X, Y\npreprocess_data = prep\n", "passed", ""),
    ("x, preprocess_data = 1, lambda X, Y: 1\n", "passed", ""),
    ("from helper import preprocess_data\n", "passed", ""),
    ("@wrap\ndef preprocess_data(X):\n    pass\n", "passed", ""),
    ("", "failed", "no function of that name"),
    ("def preprocess(X, Y):\n    return X, Y\n", "failed", "no function of that name"),
    ("def f():\n    def preprocess_data(X, Y):\n        pass\n", "failed", "line 5"),
    ("class A:\n    def preprocess_data(self, X, Y):\n        pass\n", "failed", "line 5"),
    ("if __name__ == '__main__':\n    def preprocess_data(X, Y):\n        pass\n", "failed", "line 5"),
    ("def preprocess_data(X):\n    pass\n", "failed", "def preprocess_data(X):"),
    ("def preprocess_data(X, Y, Z):\n    pass\n", "failed", "def preprocess_data(X, Y, Z):"),
    ("def preprocess_data(X, Y):\n    pass\ndef preprocess_data(X):\n    pass\n", "failed", "line 6"),
    ("def preprocess_data(X, Y, *, size):\n    pass\n", "failed", "def preprocess_data(X, Y, *, size):"),
    ("def preprocess_data(*, X, Y):\n    pass\n", "failed", "def preprocess_data(*, X, Y):"),
    ("preprocess_data: int\n", "failed", "no function of that name"),
]


@pytest.mark.parametrize("source, expected, words", PREPROCESS)
def test_preprocess_definition(source: str, expected: str, words: str, read: Read) -> None:
    found, said, flags = judge(read(HEAD + source), "preprocess_defined")
    assert (found, flags) == (expected, []), said
    assert words in said


@pytest.mark.parametrize(
    "body, count",
    [
        ("    return " + APP + ".predict(X), Y\n", 1),
        ("    return K.models.load_model('base.h5').predict(X), Y\n", 1),
        ("    return helper(X), Y\ndef helper(X):\n    return " + APP + "\n", 1),
        ("    return K.applications.densenet.preprocess_input(X), K.utils.to_categorical(Y)\n", 0),
        ("    return X, Y\ndef helper(X):\n    return " + APP + "\n", 0),
    ],
)
def test_a_model_inside_preprocess_data_is_a_flag(body: str, count: int, read: Read) -> None:
    found, _, flags = judge(read(HEAD + "def preprocess_data(X, Y):\n" + body), "preprocess_defined")
    assert (found, len(flags)) == ("passed", count)


# Hostile sources: an outcome with a clear message, never an error


HOSTILE = {
    "parentheses": "(" * 5000,
    "minus": "x = " + "-" * 100_000 + "1\n",
    "brackets": "x = " + "[" * 199 + "]" * 199 + "\n",
    "a long sum": "x = " + "+".join(["'a'"] * 3000) + "\nm.save(x)\n",
    "a very long sum": "x = " + "+".join(["1"] * 200_000) + "\n",
    "attributes": "x = a" + ".b" * 50_000 + "\n",
    "calls": "x = a" + "()" * 50_000 + "\n",
    "lambdas": "x = " + "lambda: " * 5000 + "1\n",
    "nots": "x = " + "not " * 50_000 + "1\n",
    "branches": "if a:\n    pass\n" + "elif b:\n    pass\n" * 3000,
    "blocks": "".join(" " * i + "if a:\n" for i in range(99)) + " " * 99 + "m.fit(1)\n",
    "classes": "".join(" " * i + "class {}:\n".format("A" * 2000) for i in range(99)) + " " * 99 + "pass\n",
    "nested f-strings": "x = f'" + "{a:" * 300 + "}" * 300 + "'\n",
    "null": "x = 1\0\n",
    "doubling": "a0 = 'a'\n"
    + "".join("a{} = a{} + a{}\n".format(i + 1, i, i) for i in range(60))
    + "m.save(a60)\n",
    "circle": "a = b\nb = a\na += b\nm.save(a)\na()\nf = lambda: f()\nf()\n",
    "aliases": "".join("a{} = a{}.b\n".format(i + 1, i) for i in range(2000)) + "a2000.fit(1)\n",
    "chain": "".join("def f{}():\n    f{}()\n".format(i, i + 1) for i in range(2000)) + "f0()\n",
    "width": "m.save('{:>999999999}'.format('x'))\nm.save('%999999999s' % 'x')\n",
    "million digits": "x = 0x" + "f" * 1_000_000 + "\nm.save(f'{x}')\n",
    "surrogates": "m.save('\\udc80\\ud800')\n",
    "long names": "".join("def {}{}():\n    pass\n".format("\u6f22" * 3000, i) for i in range(150)),
    "long chains": "".join("def {0}{1}():\n    {0}{2}()\n".format("n" * 4000, i, i + 1) for i in range(30))
    + "n" * 4000
    + "0()\n",
    "many": HEAD + "m.fit(1)\n" * 2000,
    "only comments": "#" * 1_000_000,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_source(name: str, read: Read) -> None:
    evidence = read(HOSTILE[name], style=True, source_seconds=8)
    for check, rule in EDITION.checks.items():
        if rule.quick and checks.every()[check].__module__.endswith("source"):
            found, said, _ = judge(evidence, check)
            assert found in ("passed", "failed", "limit", "blocked"), (check, said)
            assert "Traceback" not in said and len(said) < 20_000
            assert found == "passed" or said.split("\n")[0], (check, found)


def test_what_breaks_the_parser_says_so(read: Read) -> None:
    for name in ("minus", "a very long sum"):
        found, said, _ = judge(read(HOSTILE[name]), "imports")
        assert found == "failed"
        assert "nested too deeply" in said or "broke Python" in said


def test_a_source_that_takes_pycodestyle_too_long_is_a_limit_of_style_alone(read: Read) -> None:
    evidence = read(HEAD + "x = 1" + " " * 400_000 + "+ 1\n", style=True, source_seconds=4)
    found, said, _ = judge(evidence, "style")
    assert found == "limit" and "time: more than 4 seconds" in said
    assert judge(evidence, "imports")[0] == "passed"
    assert judge(evidence, "documentation")[0] == "passed"


def test_two_megabytes_are_read(read: Read) -> None:
    block = "def f{0}(a):\n    b = K.layers.Dense(a)\n    return b\n"
    source = HEAD + "".join(block.format(i) for i in range(35_000))
    assert 1_800_000 < len(source) < 2_000_000
    evidence = read(source)
    found, said, _ = judge(evidence, "documentation")
    assert found == "failed" and "and at least 92 more" in said
    assert judge(evidence, "guarded")[0] == "passed"


def test_the_parser_s_warnings_are_not_printed(read: Read) -> None:
    evidence = read("x = '\\d'\ny = 1 is 1\n", style=True, printed_megabytes=0)
    found, said, _ = judge(evidence, "style")
    assert found == "failed" and "W605" in said


# The command line, from end to end


@pytest.mark.parametrize(
    "name, expected", [("minus", "failed"), ("a very long sum", "failed"), ("surrogates", "failed")]
)
def test_command_line(name: str, expected: str, tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "0-transfer.py").write_text(HOSTILE[name])
    found = fixtures_run.result(folder, tmp_path, "--quick")
    by_name = {check["name"]: check for check in found["checks"]}
    assert by_name["documentation"]["status"] == expected
    assert not [check for check in found["checks"] if check["status"] == "error"]


# Git's index


def git(folder: Path, *arguments: str) -> None:
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=str(folder), env=environment, check=True, capture_output=True)


def repository(root: Path, inner: str, version: int, *options: str) -> Path:
    """A repository with a submission in ``inner``: the script executable, the README not."""
    folder = root / inner
    folder.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", *options)
    git(root, "config", "core.fileMode", "true")
    for name in ("a/b/c/" + "x" * 90, "0", "README.md.bak", "\u00e9", "z/README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    (folder / "0-transfer.py").write_text(HEAD)
    (folder / "README.md").write_text("x\n")
    git(root, "add", "-A")
    git(root, "update-index", "--chmod=+x", os.path.join(inner, "0-transfer.py"))
    if version == 3:
        # An intent to add needs the extended flags, and they need version 3.
        (root / "a" / "later").write_text("x\n")
        git(root, "add", "-N", "a/later")
    else:
        git(root, "update-index", "--index-version", str(version))
    head = (root / ".git" / "index").read_bytes()[:8]
    assert head == b"DIRC" + version.to_bytes(4, "big")
    return folder


@pytest.mark.parametrize("inner", ["", "supervised_learning/0x09-transfer_learning"])
@pytest.mark.parametrize("version", [2, 3, 4])
def test_mode_in_gits_index(version: int, inner: str, read: Read, tmp_path: Path) -> None:
    folder = repository(tmp_path, inner, version)
    prefix = inner + "/" if inner else ""
    modes = {item.name: item.mode for item in read("", folder).source().git_modes}
    assert modes == {prefix + "0-transfer.py": "100755", prefix + "README.md": "100644"}


def test_index_of_a_repository_with_long_hashes(read: Read, tmp_path: Path) -> None:
    try:
        folder = repository(tmp_path, "in", 4, "--object-format=sha256")
    except subprocess.CalledProcessError:
        pytest.skip("this git is too old")
    modes = {item.name: item.mode for item in read("", folder).source().git_modes}
    assert modes == {"in/0-transfer.py": "100755", "in/README.md": "100644"}


@pytest.mark.parametrize("size", [0, 3, 12, 40, 100, 200])
def test_a_broken_index_is_no_fact(size: int, read: Read, tmp_path: Path) -> None:
    folder = repository(tmp_path, "", 2)
    index = tmp_path / ".git" / "index"
    index.write_bytes(index.read_bytes()[:size])
    evidence = read("", folder)
    assert evidence.source().complete
    assert "README.md" not in {item.name for item in evidence.source().git_modes}


def test_git_itself_never_runs(read: Read, tmp_path: Path) -> None:
    folder = repository(tmp_path, "", 2)
    trap, trace = tmp_path / "trap", tmp_path / "trace"
    trap.write_text("#!/bin/sh\necho run > '{}'\n".format(trace))
    trap.chmod(0o755)
    git(folder, "config", "core.fsmonitor", str(trap))
    assert read("", folder).source().git_modes
    assert not trace.exists()
