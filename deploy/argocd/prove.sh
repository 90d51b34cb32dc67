#!/usr/bin/env bash
# Proves the loop on your cluster: bash deploy/argocd/prove.sh MODEL [ENVIRONMENT]
# Rolls an environment back, looks at the cluster, lifts the rejection and proposes the release again.
# Needs kubectl and argocd, logged in, and two releases that ran there. Stops at what is not true.
set -euo pipefail
model=$1
environment=${2:-production}
tagship=$(command -v tagship || echo .venv/bin/tagship)
application=$(sed -n 's/^name: *"\{0,1\}\([a-z0-9-]*\).*/\1/p' config/project.yaml)-$model-$environment

ask() { # the value of a key in the environment's row
  "$tagship" status --cluster --no-mlflow --json | python3 -c '
import json, sys
model, environment, key = sys.argv[1:]
rows = json.load(sys.stdin)["rows"]
print(next(r[key] for r in rows if (r["model"], r["environment"]) == (model, environment)))
' "$model" "$environment" "$1"
}
agree() { # wait until the cluster runs what Git says
  local told
  for _ in $(seq 60); do
    argocd app get "$application" --refresh >/dev/null
    told=$(ask cluster)
    [ "$told" = "as Git says" ] && return
    sleep 5
  done
  echo "✗ $application: $told"
  exit 1
}

agree
echo "✓ $environment runs what Git says"
left=$(ask runs)
"$tagship" rollback --env="$environment" --reason="prove.sh: is the way back open?" -- "$model"
agree
echo "✓ rolled back: $(ask deployment) runs in the cluster"
echo "merge rollback/$(ask deployment), then press Enter"
read -r
"$tagship" lift --reason="prove.sh: nothing was wrong" -- "$model" "${left#*/}"
agree
echo "✓ $left is rejected, and lifted again"
"$tagship" propose --env="$environment" -- "$model" "${left#*/}"
echo "✓ proposed again: merge promote/$left, then: tagship status --cluster"
