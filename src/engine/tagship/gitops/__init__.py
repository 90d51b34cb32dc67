"""Git says what runs: releases and deployments as annotated tags, proposed by pull request."""
