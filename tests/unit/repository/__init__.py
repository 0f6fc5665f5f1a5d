"""Tests of what is in the repository beside the code."""
