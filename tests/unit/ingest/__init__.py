"""Tests of the parts of the DICOMweb door."""
