"""Real pages of the real process in headless Chromium."""
