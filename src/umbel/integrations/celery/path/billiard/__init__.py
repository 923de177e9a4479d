"""Found through PYTHONPATH in the place of the package of this name: umbel takes its place."""

from __future__ import annotations

from umbel_stands_for_celery import make_way  # type: ignore[import-not-found]  # it lies in the same directory

make_way(__name__)
