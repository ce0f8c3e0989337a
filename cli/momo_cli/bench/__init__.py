"""`momo bench`: how long a step takes."""
