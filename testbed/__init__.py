"""What demo, tests and benchmarks stand on: real servers, and hardware simulated below our code.

Nothing that ships imports it.
"""
