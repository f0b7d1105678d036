"""Sound to words and back: decoding, models, recognition, and how spoken words are written down."""
