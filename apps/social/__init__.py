"""A social network: posts with mentions and short links, and timelines that they fan out to."""
