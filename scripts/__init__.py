"""Programs for those who work on the manager; run from the root of the repository."""
