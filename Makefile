# promptreg: build, install, demonstrate, check.  `make help` lists the targets.
#
# The extension is built out of the source tree, one directory per PostgreSQL major version
# (build/pg15, build/pg17, ...), by src/extension.mk, which is an ordinary PGXS makefile.

PG_CONFIG ?= pg_config
export PG_CONFIG
PG_MAJOR := $(shell $(PG_CONFIG) --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p')
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
BUILD := build/$(if $(SANITIZE),asan-)pg$(PG_MAJOR)

PGXS_MAKE = $(MAKE) --no-print-directory -C $(BUILD) -f $(ROOT)/src/extension.mk \
	VPATH=$(ROOT) PG_CONFIG=$(PG_CONFIG) SANITIZE=$(SANITIZE)
# Two builds at once in one directory would mix old and new objects.
LOCKED = flock $(BUILD)/build.lock
PGXS_TARGETS := all install uninstall installcheck

# Which tests a layer of the checks runs; empty for all.
export REGRESS ISOLATION PROVE_TESTS

CHECK_LAYERS := format static tidy unit unit-asan fuzz regress isolation tap asan
CHECK_TARGETS := $(addprefix check-,$(CHECK_LAYERS))

# With several goals on one command line (make clean all) the first must be finished first.
.NOTPARALLEL:
.PHONY: FORCE $(PGXS_TARGETS) stage clean demo check check-long check-majors $(CHECK_TARGETS) format help

all:

ifeq ($(PG_MAJOR),)
$(PGXS_TARGETS) stage:
	@echo "No PostgreSQL found: '$(PG_CONFIG) --version' does not answer." >&2
	@echo "Run scripts/setup demo, or name one: make PG_CONFIG=/path/to/pg_config" >&2
	@exit 1
else
$(PGXS_TARGETS):
	@mkdir -p $(BUILD)
	+@$(if $(filter all install,$@),$(LOCKED)) $(PGXS_MAKE) $@

# An installation for the checks and the demo that leaves the system's own directories alone. Several may ask for it
# at once, and servers may be running from it: one at a time makes it, and only when something has changed.
STAGE := $(BUILD)/stage
stage:
	@mkdir -p $(BUILD)
	+@flock $(BUILD)/stage.lock $(MAKE) --no-print-directory $(STAGE).made

$(STAGE).made: FORCE
	+@$(LOCKED) $(PGXS_MAKE) -s all
	+@if [ ! -e $@ ] || [ -n "$$(find $(BUILD) promptreg.control src/sql -newer $@ \( -name '*.so' -o -name '*.sql' -o -name '*.control' \) -not -path '*/stage/*')" ]; then \
	  $(PGXS_MAKE) install DESTDIR=$(ROOT)/$(STAGE) >$(STAGE).log 2>&1 || { cat $(STAGE).log; exit 1; }; touch $@; fi

FORCE:
endif

clean:
	rm -rf build

demo:
	+@scripts/setup demo
	+@scripts/with-cluster scripts/demo.sh

check:
	+@scripts/check

$(CHECK_TARGETS): check-%:
	+@scripts/check $*

check-majors:
	+@scripts/check-majors

check-long:
	+@scripts/check-long

format:
	@scripts/format --fix

help:
	@echo "make               build the extension for the PostgreSQL that PG_CONFIG names"
	@echo "make install       install it there (DESTDIR is honoured)"
	@echo "make installcheck  run the SQL and isolation tests against a running server (PGHOST, PGPORT, ...)"
	@echo "make demo          show it in a private throw-away cluster"
	@echo "make check         run every check in private throw-away clusters"
	@echo "make check-majors  run the server tests on the other supported major versions, in chroots"
	@echo "make check-long    run the tests that by default try a sample at full length (hours)"
	@echo "make check-LAYER   run one layer of the checks: $(CHECK_LAYERS)"
	@echo "                   (REGRESS='a b', ISOLATION='a b', PROVE_TESTS=test/t/x.pl choose tests)"
	@echo "make format        rewrite the sources in the project's format"
	@echo "make clean         remove the build directory"
