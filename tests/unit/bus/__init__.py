"""Tests of mpps_bus: hints may be lost, and nothing waits for them (rule 8)."""
