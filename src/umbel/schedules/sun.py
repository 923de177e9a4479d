"""Celery's `solar`: what the sun does at a place. The reckoning is ephem's, an extra."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from ..exceptions import MissingExtra
from .base import BaseSchedule
from .zones import aware


class _Event(NamedTuple):
    """How ephem finds an event: method, horizon in degrees, and whether the disc's centre counts or its edge."""

    method: str
    horizon: str
    centre: bool


EVENTS: Final = {
    "dawn_astronomical": _Event("next_rising", "-18", True),
    "dawn_nautical": _Event("next_rising", "-12", True),
    "dawn_civil": _Event("next_rising", "-6", True),
    "sunrise": _Event("next_rising", "-0:34", False),
    "solar_noon": _Event("next_transit", "0", False),
    "sunset": _Event("next_setting", "-0:34", False),
    "dusk_civil": _Event("next_setting", "-6", True),
    "dusk_nautical": _Event("next_setting", "-12", True),
    "dusk_astronomical": _Event("next_setting", "-18", True),
}
"""The nine events. -0:34 is the light's bend at the horizon."""


class solar(BaseSchedule):  # noqa: N801 - Celery's name
    """An event of the sun at a place; days on which it does not happen are passed over.

    Args:
        event: a name in `EVENTS`.
        lat: degrees, north of the equator positive.
        lon: degrees, east of Greenwich positive.
        kwargs: `nowfun` and `app`, see `BaseSchedule`.

    Raises:
        MissingExtra: the package is not installed.
        ValueError: there is no such event or place.

    Example:
        >>> solar("sunset", 31.23, 121.47)
        <solar: sunset at latitude 31.23, longitude: 121.47>
    """

    max_search_days = 366
    """How many days ahead an event is looked for; beyond the poles some are months away."""

    def __init__(self, event: str, lat: float, lon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ephem = _ephem()
        self.event, self.lat, self.lon = event, lat, lon
        if event not in EVENTS:
            raise ValueError(f"There is no event {event!r} of the sun; write one of {', '.join(sorted(EVENTS))}.")
        if not -90 <= lat <= 90:
            raise ValueError(f"The latitude {lat} is no place; write -90 to 90.")
        if not -180 <= lon <= 180:
            raise ValueError(f"The longitude {lon} is no place; write -180 to 180.")
        self.method, horizon, self.use_center = EVENTS[event]
        self.cal = self.ephem.Observer()
        self.cal.lat, self.cal.lon, self.cal.elev = str(lat), str(lon), 0
        self.cal.horizon, self.cal.pressure = horizon, 0

    def next_after(self, moment: datetime) -> datetime | None:
        """The first such event after a moment, in UTC.

        Where it does not happen for a year this is when the search ended, so that it goes on from there.
        """
        start = self.ephem.Date(aware(moment).replace(tzinfo=None))
        return self._next_event(start).datetime().replace(tzinfo=UTC)  # type: ignore[no-any-return]

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Time from now until the first event after `last_run_at`; negative when it is over."""
        found = self.next_after(last_run_at)
        assert found is not None
        return found - aware(self.now())

    def _next_event(self, start: Any) -> Any:
        sun = self.ephem.Sun()
        options = {"use_center": True} if self.use_center else {}
        for _ in range(self.max_search_days):
            try:
                return getattr(self.cal, self.method)(sun, start=start, **options)
            except self.ephem.CircumpolarError:  # not on this day
                start = self.cal.next_antitransit(sun, start=start)
        return start

    def __repr__(self) -> str:
        return f"<solar: {self.event} at latitude {self.lat}, longitude: {self.lon}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, solar):
            return NotImplemented
        return (self.event, self.lat, self.lon) == (other.event, other.lat, other.lon)

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.event, self.lat, self.lon)


def _ephem() -> Any:
    try:
        import ephem  # noqa: PLC0415 - an extra, and a megabyte of tables
    except ImportError as error:
        raise MissingExtra('The schedule "solar" needs a package; type: pip install "umbel[solar]"') from error
    return ephem
