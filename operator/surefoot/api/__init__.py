"""The vocabulary: pydantic models of the resources, their reasons, and the CRDs made from them."""
