"""The proof that every backend follows the specification."""
