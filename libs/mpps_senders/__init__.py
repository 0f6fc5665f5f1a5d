"""How a subscriber is reached: one sender per kind of subscription, and the guard over every outgoing connection.

A sender speaks a subscriber's protocol and tells what came of each attempt; what that means is decided in the core.
"""
