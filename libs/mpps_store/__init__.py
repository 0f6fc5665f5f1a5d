"""Where the manager keeps what it was told: adapters of the core's storage ports.

``memory`` keeps everything in plain dictionaries, for tests and the simulation; ``sqlite`` is the store of the
embedded manager. Both pass the same conformance suite.
"""
