"""The only file that knows every part."""
