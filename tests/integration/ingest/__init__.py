"""Tests of the DICOMweb door over a real server on loopback."""
