"""The command ``mpps``: its settings, its subcommands, and the one place that wires adapters to ports."""
