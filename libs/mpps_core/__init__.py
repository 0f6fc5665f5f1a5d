"""What the manager does: accept, route, send, replay. Pure decisions, small loops and the ports; no drivers.

The rules are those of ``docs/guarantees.md``; modules name the rule they carry out where there is one.
"""
