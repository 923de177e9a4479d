"""Whether an event loop goes on while something is waited for."""

from __future__ import annotations

import asyncio
import time


async def longest_turn(awaited: asyncio.Future) -> float:
    """Wait for the end of something, whatever it is; seconds of the longest turn that the loop had meanwhile."""
    longest = 0.0
    while not awaited.done():
        began = time.monotonic()
        await asyncio.sleep(0.005)
        longest = max(longest, time.monotonic() - began)
    return longest
