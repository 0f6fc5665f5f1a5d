"""Tests of mpps_core: expected values come from the rules of the delivery protocol and the table of answers."""
