"""How the tensors of a sweep are divided among threads."""

CHUNK = 32768
"""Elements that a thread takes at once."""

SERIAL = 1 << 16
"""Elements up to which one thread is faster than two."""
