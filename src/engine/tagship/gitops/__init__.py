"""Git says what runs: releases and deployments as annotated tags, promoted by pull request."""
