"""A small Functions host: Microsoft's own worker library, fed with blob, timer, queue and HTTP events."""
