"""Tests of desired."""
