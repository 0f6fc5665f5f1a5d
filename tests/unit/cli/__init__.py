"""Tests of the command line, its settings and its parts."""
