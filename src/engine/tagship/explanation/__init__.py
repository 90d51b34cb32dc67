"""Why a model predicts what it does: SHAP values of its artifact."""
