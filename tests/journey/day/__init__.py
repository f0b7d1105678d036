"""A day of messy traffic: scenes for people to read, and the stage that plays them through the real gateway."""
