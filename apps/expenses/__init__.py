"""Expenses: whoever spends files, a manager approves, and only services pay."""
