"""Completion as a real shell does it, and the example that each command's help shows."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest

from checker import cli, editions
from tests import program

SHOWN = [
    (["checker", "ch"], {"check"}),
    (["checker", "e"], {"env"}),
    (["checker", "env", "cr"], {"create"}),
    (["checker", "check", "--qu"], {"--quick"}),
    (["checker", "doctor", "--im"], {"--images"}),
    (["checker", "completion", ""], {"bash", "zsh"}),
    (["checker", "check", "--assignment", "cifar10-"], set(editions.names())),
    (["checker", "env", "create", "--assignment", "own"], {"own.toml"}),
    (["checker", "check", "--images", "te"], {"test.npz"}),
    (["checker", "check", "--python", "py"], {"python-of-mine"}),
    (["checker", "check", "--python", "./py"], {"./python-of-mine"}),
    (["checker", "check", "sub"], {"submissions"}),
    (["checker", "inspect", "te"], {"test.npz"}),
    (["checker", "inspect", "--fo"], {"--format"}),
]


def script(shell: str) -> str:
    done = subprocess.run(
        [*program.command()[:-1], "completion", shell], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def bash_script() -> str:
    return script("bash")


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "shown"), SHOWN, ids=lambda item: " ".join(sorted(item) if isinstance(item, set) else item)[:40]
)
def test_bash_completes(tmp_path: Path, bash_script: str, words: List[str], shown: set[str]) -> None:
    (tmp_path / "submissions").mkdir()
    for name in ("own.toml", "test.npz", "python-of-mine", "sub.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "completion").write_text(bash_script)
    line = """
        source ./completion
        complete -p checker | grep -q -- '-F _shtab_checker checker' || exit 9
        COMP_WORDS=({}); COMP_CWORD={}
        _shtab_checker; printf '%s\\n' "${{COMPREPLY[@]}}"
    """.format(" ".join(map(shlex.quote, words)), len(words) - 1)
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", line],
        capture_output=True,
        text=True,
        cwd=str(tmp_path),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = {item.rstrip("/ ") for item in done.stdout.splitlines() if item}
    assert shown <= found
    if words[-1]:
        assert all(item.startswith(words[-1]) for item in found)


def test_the_script_for_zsh_is_one_that_zsh_reads(tmp_path: Path) -> None:
    text = script("zsh")
    assert text.startswith("#compdef checker")
    assert all(name in text for name in editions.names())
    zsh = shutil.which("zsh")
    if zsh:
        (tmp_path / "_checker").write_text(text)
        done = subprocess.run([zsh, "-n", str(tmp_path / "_checker")], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def commands(parser: argparse.ArgumentParser) -> Dict[str, argparse.ArgumentParser]:
    """All sub-commands and theirs, by how they are typed."""
    found: Dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found[inner.prog] = inner
                found.update(commands(inner))
    return found


@pytest.mark.parametrize("name", sorted(commands(cli.parser())))
def test_each_command_shows_one_example_that_can_be_typed(name: str) -> None:
    text = commands(cli.parser())[name].format_help()
    examples = re.findall(r"(?m)^example:  (.*)$", text)
    assert len(examples) == 1
    command = re.sub(r'^eval "\$\((.*)\)"$', r"\1", examples[0])
    words = shlex.split(command)
    assert " ".join(words[: len(name.split())]) == name
    options = cli.parser().parse_args(words[1:])
    assert callable(options.command)
