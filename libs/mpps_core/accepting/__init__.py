"""Accepting: from a body at a door to one durable operation (protocol A)."""
