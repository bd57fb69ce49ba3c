"""A marketplace of many sellers, after the Online Marketplace benchmark's rules of integrity."""
