"""Tests of mpps_dicom: expected values come from the Standard or from pydicom."""
