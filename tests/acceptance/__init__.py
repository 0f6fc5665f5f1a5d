"""Tests of the real command, in processes of its own."""
