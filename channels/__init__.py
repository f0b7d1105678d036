"""The media a city speaks through: one file a channel, all held to the contract of `base`."""
