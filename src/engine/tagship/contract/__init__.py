"""The contract of a column in one place: how a value is read, and why it is refused."""
