# Needs python3.11, pip and make. TORCH_INDEX_URL, where set, is one more place to find a build of torch.
# After a broken install: rm -rf .venv

PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := test
.PHONY: demo test test-slow lint chromium clean

demo: $(STAMP)
	$(BIN)/infopo demo

# One thread a test: two workers on two cores, and sums in a fixed order. The demo chooses for itself.
test test-slow: export OMP_NUM_THREADS = 1

test: lint
	$(BIN)/python -m pytest -m 'not slow' -n 2

test-slow: $(STAMP) chromium
	$(BIN)/python -m pytest -m slow --timeout 3600

# Reports are opened in a real browser; any of these will do.
chromium:
	@which chromium chromium-browser google-chrome google-chrome-stable 2>/dev/null | grep -q . || \
	if [ "$$(id -u)" = 0 ] && which apt-get >/dev/null; then apt-get -qq update && apt-get -qq install -y chromium; \
	else echo "no Chromium: install one to test reports in a browser"; fi

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# torch first and alone: the extra index must not answer for any other package.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install torch -c constraints.txt $${TORCH_INDEX_URL:+--extra-index-url "$$TORCH_INDEX_URL"}
	$(BIN)/python -m pip install -e '.[dev]' -c constraints.txt
	touch $(STAMP)

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
