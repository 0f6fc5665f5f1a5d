"""The door for modalities over HTTP: the DICOMweb origin server of PS3.18 chapter 15."""

from mpps_ingest.parts import BASE_PATH, IngestParts, IngestPolicy
from mpps_ingest.router import ingest_router

__all__ = ["BASE_PATH", "IngestParts", "IngestPolicy", "ingest_router"]
