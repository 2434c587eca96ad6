"""``checker completion``: what a shell needs to complete our command line."""

from __future__ import annotations

import argparse
from typing import Any, Iterator

from checker import editions
from checker.commands import parsing
from checker.outcomes import ExitCode

SHELLS = ("bash", "zsh")
_EDITIONS = "_checker_compgen_editions"
# The names of the editions, and TOML files.
_PREAMBLE = {
    "bash": """
{function}() {{
  local IFS=$' \\n'
  compgen -W "{names}" -- "$1"
  _shtab_compgen_files "$1"
}}
""",
    "zsh": """
{function}() {{
  _alternative 'editions:edition:({names})' 'files:file:_files -g "*.toml"'
}}
""",
}


def add(commands: Any) -> None:
    """Declare the sub-command."""
    parser = parsing.command(
        commands,
        "completion",
        run,
        "print what a shell needs to complete commands",
        "Print a script that completes commands, options, editions and files in bash or zsh.",
        'example:  eval "$(checker completion bash)"\n\n'
        "That line in ~/.bashrc keeps it. For zsh, after compinit in ~/.zshrc:\n"
        '          eval "$(checker completion zsh)"; compdef _shtab_checker checker',
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to run it")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    whole: argparse.ArgumentParser = options.whole
    kinds = {
        "FOLDER": shtab.DIRECTORY,
        "FILE": shtab.FILE,
        "RESULT.json": shtab.FILE,
        "WHAT": shtab.FILE,
        "PATH": shtab.FILE,
        "NAME": dict.fromkeys(SHELLS, _EDITIONS),
    }
    for action in _actions(whole):
        kind = kinds.get(str(action.metavar))
        if kind and not action.choices:
            action.complete = kind  # type: ignore[attr-defined]
    names = " ".join(editions.names())
    preamble = _PREAMBLE[options.shell].format(function=_EDITIONS, names=names)
    print(shtab.complete(whole, options.shell, root_prefix="checker", preamble=preamble))
    return int(ExitCode.MEETS)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Options and arguments of a parser and of its sub-commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
