"""The gateway: what happens between hearing a citizen and answering."""
