"""Tests of the console over a real server on loopback."""
