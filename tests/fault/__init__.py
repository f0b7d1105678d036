"""Faults on purpose: processes killed, carriers that misbehave, a database and a disk that go away. What is counted is
what the carrier's own ledger says."""
