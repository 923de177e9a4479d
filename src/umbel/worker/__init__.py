"""The worker: supervisor, nursery and children (`supervisor`, `nursery`, `child`), and the path of one message
through a child: `fetcher` -> `runner` -> `attempt` -> `settler`, while the `keeper` watches.
"""
