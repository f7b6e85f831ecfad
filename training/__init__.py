"""From labels to a better model: pairs, preference fine-tuning, evaluation, and the screens to follow them."""
