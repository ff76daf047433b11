"""The model server: real scores, and labels that arrive later."""
