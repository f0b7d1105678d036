"""The outside world for demos and tests: a carrier with Twilio's API and webhooks, virtual handsets, and callers."""
