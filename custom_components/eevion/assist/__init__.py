"""Answers for voice assistants and language models, in the language of the request."""
