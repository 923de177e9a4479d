"""What a test of umbel needs: a clock that it moves, faults on demand, and the conformance suite of every contract.

clock         move `umbel.clock`
faults        a broker or backend whose calls fail when the test says so
conformance   what every store and every pool must do, ours and strangers'
broken        stores that each break one guarantee, to show that the suites can fail
"""
