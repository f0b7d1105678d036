"""The table of marks: what authors say of a department's answer."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, SmallInteger, String, Table, UniqueConstraint, false

from store.columns import Id, metadata
from store.moments import Moment

# One mark of each author for each round: `round` is how often the case had been reopened when it was answered, so that
# an answer after a reopening is judged anew. `mark` is 1 (bad) to 5 (good); either may be left open. `department` is
# the one that is judged, whoever has the case later. `before` is how the case stood when a bad mark reopened it, so
# that its author may take that back. `escalated`: the supervisors were told of its round by it. Of who was erased the
# mark stays, and nobody's.
marks = Table(
    "marks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("thread_id", Id, nullable=False),
    Column("round", Integer, nullable=False),
    Column("citizen_id", Id),
    Column("department", String(64)),
    Column("solved", Boolean),
    Column("mark", SmallInteger),
    Column("channel", String(32), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("escalated", Boolean, nullable=False, server_default=false()),
    Column("at", Moment, nullable=False),
    UniqueConstraint("thread_id", "round", "citizen_id"),  # the marks of a thread; one's own
    Index("ix_marks_citizen_id", "citizen_id"),  # erasing
    Index("ix_marks_department_at", "department", "at"),  # how a department was judged in a month
)
