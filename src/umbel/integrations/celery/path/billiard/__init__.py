"""Found through PYTHONPATH in the place of the package of this name: umbel takes its place."""

from __future__ import annotations

from umbel.integrations.celery import take_over

take_over(__name__)
