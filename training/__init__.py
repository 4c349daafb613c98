"""Commands that learn something: a vocabulary, a model, a classifier."""
