"""Sphinx configuration. `make docs` builds into site/ with warnings as errors, offline."""

from __future__ import annotations

import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

project = "umbel"
author = "The umbel authors"
copyright = "The umbel authors"
release = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "attrs_inline"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
nitpick_ignore_regex = [
    ("py:.*", r".*")
]  # the reference names types of the standard library and of msgspec, which are not here

html_theme = "furo"
html_title = f"umbel {release}"
html_copy_source = False
html_show_sourcelink = False
