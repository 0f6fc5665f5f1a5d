"""Tests of the senders without a network."""
