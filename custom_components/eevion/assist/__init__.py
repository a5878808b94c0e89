"""What is said aloud: the answers of voice assistants and language models."""
