"""What a test of umbel needs: a clock that it moves, faults on demand, and the conformance suite of every contract.

plugin        pytest's fixtures: an app, a worker in process, a clock that jumps
worker        the real worker loop inside the test's own process
clock         move `umbel.clock`
faults        a broker or backend whose calls fail when the test says so
conformance   what every store and every pool must do, ours and strangers'
broken        stores that each break one guarantee, to show that the suites can fail
"""
