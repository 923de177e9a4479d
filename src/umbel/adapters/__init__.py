"""The rooms that talk to the outside: one folder a technology, with every role that it can play.

An adapter imports vocabulary, values and contracts, never the app, the worker or another adapter. It is found by the
scheme of a URL, or the name of a pool, through an entry point.
"""
