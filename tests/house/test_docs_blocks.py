"""Every code block of the documentation runs, page by page, in a folder and an environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import docs, tree

PAGES = [name for name in tree.tracked() if name.endswith(".md") and not name.startswith(("changelog.d/", "tests/"))]

RIGHT = """
# A page

```python
# greet.py
def greet(name):
    return f"hello {name}"
```

```console
$ python -c "from greet import greet; print(greet('you'))"
hello you
$ cd . && X=7
$ echo "a $X" && echo b &&
> echo c
a ...
...
c
$ ls nothing-here  # exit code 2
ls: cannot access ...
$ sleep 60 &
$ jobs | wc -l
1
```

```python
from greet import greet
kept = greet("me")
```

```python
assert kept == "hello me"
```

```toml settings.toml
a = 1
```

    ```console
    $ cat settings.toml
    a = 1
    ```

```sh
make test
```
"""

WRONG = {
    "python": ("```python\nassert 1 == 2\n```", "line 2: the python block raised"),
    "output": ("```console\n$ echo a\nb\n```", "line 2: `echo a` printed"),
    "missing": ("```console\n$ true\nb\n```", "line 2: `true` printed"),
    "more": ("```console\n$ echo a; echo b\na\n```", "line 2: `echo a; echo b` printed"),
    "code": ("```console\n$ false\n```", "line 2: `false` ended with 1, not 0"),
    "sh": ("```sh\nmake test\ncurl x\n```", "line 2: not a setup command"),
    "exit": ("```console\n$ exit 3\n```", "the command ended the shell"),
    "start": ("```console\noutput\n```", "a console block begins with"),
}


def run(processes, page: Path):
    return processes.run("-m", "tests.support.docs", page, env={"PYTHONPATH": str(tree.TOP)}, timeout=170)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.long
def test_a_page_does_what_it_shows(name, processes):
    done = run(processes, tree.TOP / name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_right_page_passes(tmp_path, processes):
    page = tmp_path / "right.md"
    page.write_text(RIGHT, encoding="utf-8")
    done = run(processes, page)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_page_fails_at_its_line(name, tmp_path, processes):
    text, sentence = WRONG[name]
    page = tmp_path / "wrong.md"
    page.write_text(text, encoding="utf-8")
    done = run(processes, page)
    assert done.returncode == 1
    assert sentence in done.stdout + done.stderr


def test_every_page_is_found():
    folders = {Path(name).parent.as_posix() for name in PAGES}
    assert {".", "docs"} <= folders
    assert "README.md" in PAGES


def test_a_fence_inside_a_longer_fence_is_text():
    (block,) = docs.blocks("````text\n```python\nraise\n```\n````\n")
    assert block.text == "```python\nraise\n```\n"
