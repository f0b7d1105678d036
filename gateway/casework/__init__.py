"""What departments do with the posts they are given."""
