"""Faults on purpose: crashes, full disks, subscribers that hang, and steps of unusual size."""
