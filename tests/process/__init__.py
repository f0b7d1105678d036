"""The real gateway, started by `run.py` as a process of its own."""
