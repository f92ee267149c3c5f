"""What follows from what is seen: pure functions of alerts, proofs, nodes, policy and time.

Nothing here waits, reads a clock, or knows where its input is from.
"""
