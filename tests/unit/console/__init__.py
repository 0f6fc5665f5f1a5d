"""Tests of the console without a network."""
