"""The real core on a virtual clock: seeded bad days, each replayable by its seed.

``python -m tests.simulation SEED`` replays one and prints what happened.
"""
