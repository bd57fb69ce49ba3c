"""A parcel service: every parcel goes its own long way, and nobody else looks after it."""
