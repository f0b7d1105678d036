"""The journey of a post: one file a step, from intake to receipts."""
