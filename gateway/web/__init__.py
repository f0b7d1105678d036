"""The HTTP surface: pages, console, JSON API, live stream and the carriers' hooks."""
