"""
``momo sweep``: which learning rates are good, and how many?

Learning rates over several decades x optimizers x seeds on small tasks with real data.  Each run is
one line of a file, so that a sweep goes on where it stopped; the result is the final loss against the
learning rate, and the width of the window of good rates.
"""
