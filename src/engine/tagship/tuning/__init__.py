"""The search for a candidate's best parameters, on training rows alone."""
