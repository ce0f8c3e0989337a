"""The directions: how gradients are averaged and preconditioned, one file each."""
