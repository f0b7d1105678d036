"""What the city of the pictures has beside the shipped organisation: an office below one, a sensitive category."""

from typing import Any

DEPARTMENT: dict[str, Any] = {
    "slug": "drains",
    "name": {"zh": "排水管理处", "en": "Drains office"},
    "parent": "water",
    "contact": {
        "phone": "+86 571 8700 1234",
        "email": "drains@city.example",
        "website": "https://drains.city.example/",
        "address": {"zh": "清源市滨河路1号", "en": "1 River Road, Qingyuan"},
    },
    "hours": ["mon-fri 08:30-12:00", "mon-fri 13:30-17:30", "sat 09:00-12:00"],
    "places": ["北区", "滨河新区"],
}
WATER: dict[str, Any] = {
    "slug": "water",
    "name": {"zh": "水务局", "en": "Water"},
    "contact": {**DEPARTMENT["contact"], "email": "water@city.example"},
    "hours": ["mon-sun 00:00-24:00"],
    "version": 1,
}
CATEGORIES: tuple[dict[str, Any], ...] = (
    {
        "slug": "officials",
        "name": {"zh": "投诉工作人员", "en": "Complaints about officials"},
        "department": "police",
        "sensitive": True,
    },
    {
        "slug": "blocked",
        "name": {"zh": "下水道堵塞", "en": "Blocked drains"},
        "department": "drains",
        "parent": "water",
    },
)
# Said by the form, accepted, and read by its department alone.
COMPLAINT = "The clerk at counter 3 of the registry shouted at my grandmother and sent her home without her papers."
