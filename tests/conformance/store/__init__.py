"""One suite for every store: whatever keeps the data, the core may rely on the same things."""
