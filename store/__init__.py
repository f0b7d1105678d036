"""Everything that is kept: tables, sealing, and one file of queries for each kind of row. SQL lives here only."""
