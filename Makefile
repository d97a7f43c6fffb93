.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help: ## Show what there is to run
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

install: $(VENV)/ready ## Make .venv with engagectl and all that its tests need

demo: $(VENV)/ready ## Plan, apply and sync sample data into an embedded DuckDB file
	$(BIN)/engagectl demo

test: $(VENV)/ready ## Run the tests, PostgreSQL included
	$(BIN)/python -m pytest -q -n 2

lint: $(VENV)/ready ## Check style and the rules of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: $(VENV)/ready ## Check types
	$(BIN)/mypy

fmt: $(VENV)/ready ## Format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

all: lint type test ## What CI runs

.PHONY: help install demo test lint type fmt all
