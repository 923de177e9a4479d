"""Runs the code blocks of a Markdown page, in their order, in one temporary folder: what a page shows is what happens.

    ```python         runs in one interpreter of the page, whose names stay from block to block; when its first line is
                      a comment with a file name (`# hello.py`), it is written to that file instead
    ```console        each line that begins with `$ ` (and its `> ` continuations) runs in one shell of the page; the
                      lines below it are its output, standard error included. `...` stands for anything within a line,
                      alone on a line for any lines. A command ends with code 0, or with the code that a comment behind
                      it names: `$ umbel call nope  # exit code 2`. A command that ends with `&` writes into a file.
    ```toml NAME      (or ini, json, yaml, sql, text) is written to the file NAME; without a name it is shown only
    ```sh             is for commands that cannot run inside a test (they install, or take minutes): only the words of
                      SETUP may begin its lines

Every other language is shown only. Called in a child process, `python -m tests.support.docs PAGE`; its exit code tells.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SETUP = re.compile(
    r"(sudo )?(make|git clone|cd|pip install|python3? -m venv|apt-get install|docker|UMBEL_\w+=\S+ make)\b|#|\Z"
)
SHOWN_FILES = {"toml", "ini", "json", "text", "yaml", "sql"}
FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}|~{3,})\s*(?P<language>[\w+-]*)\s*(?P<info>.*)")
FILE_COMMENT = re.compile(r"# ([\w./-]+\.\w+)\s*\Z")
EXIT_CODE = re.compile(r"\s#\s*exit code (\d+)\s*\Z")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: first word after the fence.
        info: the rest of that line.
        text: its lines without the fence's indentation.
        line: number of its first line in the page.
    """

    language: str
    info: str
    text: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order; a fence inside a longer fence is text."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        start = FENCE.fullmatch(line)
        if start is None:
            continue
        indent, ticks = len(start["indent"]), start["ticks"]
        body = itertools.takewhile(lambda pair: pair[1].strip() != ticks, lines)  # noqa: B023 - consumed at once
        content = "\n".join(row[indent:] if not row[:indent].strip() else row for _, row in body)
        yield Block(start["language"], start["info"].strip(), content + "\n", number + 1)


@dataclass(frozen=True)
class Command:
    """One command of a console block with the output that the page shows."""

    text: str
    expected: str
    line: int

    @property
    def exit_code(self) -> int:
        found = EXIT_CODE.search(self.text)
        return int(found[1]) if found else 0


def commands(block: Block) -> list[Command]:
    """The commands of a console block. Output before the first command is a fault of the page."""
    found: list[list[str]] = []
    starts: list[int] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            found.append([line[2:], ""])
            starts.append(number)
        elif not found:
            raise ValueError(f"line {number}: a console block begins with `$ `")
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1] += line + "\n"
    return [Command(text, output, line) for (text, output), line in zip(found, starts, strict=True)]


def alike(expected: str, got: str) -> bool:
    """Whether an output is the one shown, where ``...`` in a line is anything and a line of ``...`` any lines."""
    pattern = ""
    for line in (row.rstrip() for row in expected.strip("\n").splitlines()):
        if line == "...":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += "[^\\n]*".join(re.escape(part) for part in line.split("...")) + "\n"
    shown = "".join(row.rstrip() + "\n" for row in got.strip("\n").splitlines())
    return re.fullmatch(pattern, shown) is not None


class Shell:
    """One bash for all console blocks of a page, so that `cd`, variables and background jobs stay."""

    def __init__(self) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._jobs = itertools.count(1)

    def run(self, command: str) -> tuple[str, int]:
        """Output and exit code of one command."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        if command.rstrip().endswith("&"):
            command = f"{{ {command.rstrip()[:-1]}; }} >job-{next(self._jobs)}.log 2>&1 </dev/null &"
        mark = "=-=-= end of output"
        self._bash.stdin.write(f"{command}\nprintf '\\n{mark} %d\\n' $?\n")
        self._bash.stdin.flush()
        lines = []
        for line in self._bash.stdout:
            if line.startswith(mark):
                return "".join(lines).removesuffix("\n"), int(line.split()[-1])
            lines.append(line)
        raise ValueError("the command ended the shell: " + "".join(lines))


class Page:
    """Runs the blocks of one page in the current folder."""

    def __init__(self, text: str) -> None:
        self._blocks = list(blocks(text))
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._shell: Shell | None = None

    def run(self) -> Iterator[str]:
        """Faults of the page, each with its line."""
        for block in self._blocks:
            named = FILE_COMMENT.match(block.text.splitlines()[0]) if block.text.strip() else None
            if block.language == "python" and named is None:
                yield from self._python(block)
            elif block.language == "python" and named is not None:
                self._write(named[1], block.text)
            elif block.language in SHOWN_FILES and block.info:
                self._write(block.info, block.text)
            elif block.language == "console":
                yield from self._console(block)
            elif block.language in ("sh", "bash", "shell"):
                yield from (
                    f"line {block.line}: not a setup command, make it a console block: {row}"
                    for row in _odd(block.text)
                )

    def _write(self, name: str, text: str) -> None:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _python(self, block: Block) -> Iterator[str]:
        out = io.StringIO()
        try:
            code = compile("\n" * (block.line - 1) + block.text, "<page>", "exec", dont_inherit=True)
            with contextlib.redirect_stdout(out):
                exec(code, self._names)
        except Exception:
            yield f"line {block.line}: the python block raised\n{traceback.format_exc()}"

    def _console(self, block: Block) -> Iterator[str]:
        self._shell = self._shell or Shell()
        for command in commands(block):
            output, code = self._shell.run(command.text)
            if code != command.exit_code:
                yield f"line {command.line}: `{command.text}` ended with {code}, not {command.exit_code}\n{output}"
            elif not alike(command.expected, output):
                yield f"line {command.line}: `{command.text}` printed\n{output}\ninstead of\n{command.expected}"


def _odd(text: str) -> list[str]:
    return [row for row in text.splitlines() if not SETUP.match(row.strip())]


def main(path: str) -> int:
    sys.path.insert(0, "")
    faults = list(Page(Path(path).read_text(encoding="utf-8")).run())
    print("\n".join(faults))
    for log in sorted(Path().glob("job-*.log")) if faults else []:
        print(f"--- {log.name}\n{log.read_text(encoding='utf-8', errors='replace')}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
