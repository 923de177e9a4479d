"""Small tools for users, by Celery's names."""
