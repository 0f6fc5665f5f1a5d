"""Forwarding: from a durable operation to every subscriber, in order (protocol B to D)."""
