"""Tests of the senders against servers on loopback."""
