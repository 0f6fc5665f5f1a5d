"""What is particular to the SQLite store: its files, its disk, its threads."""
