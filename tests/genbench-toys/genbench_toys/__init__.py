"""Plugins that genbench's tests run: as small as they can be and still be real."""
