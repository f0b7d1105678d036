"""What the forms of departments and categories send in tests."""

DEPARTMENT = {
    "slug": "drains",
    "name_zh": "排水处",
    "name_en": "Drains",
    "parent": "water",
    "phone": "+86 571 8700 1234",
    "email": "drains@city.example",
    "website": "https://drains.city.example/",
    "address_zh": "中山路1号",
    "address_en": "1 Hill Street",
    "places": "北区\n 南区 \n\n北区",
    "first_0": "mon",
    "last_0": "fri",
    "begin_0": "08:30",
    "end_0": "17:30",
    "first_1": "sat",
    "begin_1": "00:00",
    "end_1": "00:00",
}
CATEGORY = {
    "slug": "officials",
    "name_zh": "投诉人员",
    "name_en": "Officials",
    "department": "police",
    "deadline": "normal",
    "sensitive": "1",
}
