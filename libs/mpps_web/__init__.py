"""What every HTTP door shares: problems, keys, request ids, logs, metrics, health, the server itself.

Nothing here knows DICOM's services; the doors are in ``mpps_ingest`` and ``mpps_console``.
"""
