"""The other engines, each asked the same eight questions in the best form that we could find for it."""
