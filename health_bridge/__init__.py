"""The health bridge: alerts become node conditions and taints, proof of recovery removes them.

Read, decide, write: `poll` asks the sources, `decide` is pure, `apply` writes. What a decision
stands on is either asked anew each cycle or written on the node, so that a crash, a restart or a
change of leader loses nothing.
"""
