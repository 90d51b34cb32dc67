"""Your own sources of data, and made-up data of the examples."""
