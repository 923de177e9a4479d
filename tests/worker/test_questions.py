"""Questions of remote control that need no worker."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

from umbel.worker.questions import objgraph


def test_whoever_asks_for_a_picture_does_not_choose_its_place(monkeypatch, tmp_path):
    drawn = []
    package = SimpleNamespace(by_type=lambda kind: [kind], show_backrefs=lambda *_, **options: drawn.append(options))
    monkeypatch.setitem(sys.modules, "objgraph", package)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = objgraph(None, type="x/../../../elsewhere")
    assert Path(said["filename"]).parent == tmp_path
    assert drawn == [{"max_depth": 10, "filename": said["filename"]}]
