"""The card beside a trained model: what it was trained on, by what reward, and what is known of it."""
