# The PGXS part of the build.  It runs in a build directory with VPATH naming the source tree;
# the Makefile at the top calls it so.

EXTENSION := promptreg
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(VPATH)/promptreg.control)
MODULE_big := promptreg

# The source tree as a relative list, because PGXS looks for everything below VPATH.
from_source = $(patsubst $(VPATH)/%,%,$(sort $(wildcard $(addprefix $(VPATH)/,$(1)))))

SOURCES := $(call from_source,src/core/*/*.cpp src/pg/*.cpp)
OBJS := $(SOURCES:.cpp=.o)

SQL_PARTS := $(call from_source,src/sql/[0-9]*.sql)
INSTALL_SCRIPT_SQL := promptreg--$(EXTVERSION).sql
DATA_built := $(INSTALL_SCRIPT_SQL)
DATA := $(call from_source,src/sql/upgrade/promptreg--*.sql)

# install.sql makes the extension, so it comes first, also before a hand-picked list.
ALL_REGRESS := $(patsubst sql/%.sql,%,$(call from_source,sql/*.sql))
CHOSEN_REGRESS := $(or $(REGRESS),$(ALL_REGRESS))
override REGRESS := $(filter install,$(ALL_REGRESS)) $(filter-out install,$(CHOSEN_REGRESS))
ALL_ISOLATION := $(patsubst test/isolation/specs/%.spec,%,$(call from_source,test/isolation/specs/*.spec))
override ISOLATION := $(or $(ISOLATION),$(ALL_ISOLATION))
ISOLATION_OPTS = --inputdir=$(VPATH)/test/isolation --load-extension=promptreg

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config
LIBRARIES := re2 libxxhash yaml-0.1

# Asked once in each build directory, until there is another library: with some versions of RE2 each answer takes seconds.
LIBRARY_FLAGS := $(subst $() ,_,$(LIBRARIES)).mk
ifeq ($(wildcard $(LIBRARY_FLAGS)),)
$(shell cflags=$$($(PKG_CONFIG) --cflags $(LIBRARIES)) && libs=$$($(PKG_CONFIG) --libs $(LIBRARIES)) && \
	printf 'LIBRARY_CFLAGS := %s\nLIBRARY_LIBS := %s\n' "$$cflags" "$$libs" >$(LIBRARY_FLAGS))
ifeq ($(wildcard $(LIBRARY_FLAGS)),)
$(error $(PKG_CONFIG) does not find $(LIBRARIES): run scripts/setup demo)
endif
endif
include $(LIBRARY_FLAGS)

# Server headers come first and as system headers: ours are held to every warning, theirs are not.
PG_CPPFLAGS := -isystem $(shell $(PG_CONFIG) --includedir-server) -I$(VPATH)/src \
	-DPROMPTREG_VERSION='"$(EXTVERSION)"' $(LIBRARY_CFLAGS)
PG_CXXFLAGS = -std=c++20 -Wall -Wextra -Wshadow -Wpedantic -Werror -Wno-register $(CLANG_FLAGS) \
	-fno-semantic-interposition -fvisibility-inlines-hidden -MMD -MP
# PGXS may have been configured with another compiler, whose options this one does not know; and macros of the server are
# judged where they are used.
CLANG_FLAGS = $(if $(findstring clang,$(shell $(CXX) --version)),-Wno-unknown-warning-option -Wno-gnu-statement-expression)
ifneq ($(SANITIZE),)
SANITIZERS := -fsanitize=address,undefined
PG_CXXFLAGS += $(SANITIZERS) -O1 -g -fno-omit-frame-pointer -U_FORTIFY_SOURCE
else
PG_CXXFLAGS += -O2 -DNDEBUG
endif
SHLIB_LINK := $(SANITIZERS) -Wl,--version-script=$(VPATH)/src/promptreg.map \
	$(LIBRARY_LIBS) -lstdc++

PGXS := $(shell $(PG_CONFIG) --pgxs)
# PGXS would compile C++ to bitcode without PG_CXXFLAGS, and fail.
override with_llvm := no
include $(PGXS)

$(OBJS): %.o: %.cpp $(VPATH)/src/extension.mk
	@$(MKDIR_P) $(@D)
	$(COMPILE.cc) -o $@ $<

$(MODULE_big)$(DLSUFFIX): $(VPATH)/src/promptreg.map

-include $(OBJS:.o=.d)

# A part that was added, renamed or removed changes the script too.
SQL_LIST := sql_parts.list
$(shell echo '$(SQL_PARTS)' | cmp -s - $(SQL_LIST) || echo '$(SQL_PARTS)' >$(SQL_LIST))

$(INSTALL_SCRIPT_SQL): $(SQL_PARTS) $(SQL_LIST) $(VPATH)/promptreg.control
	@{ printf '%s\n' '\echo Use "CREATE EXTENSION promptreg" to load this file. \quit'; \
	  for part in $(SQL_PARTS); do printf '\n-- %s\n\n' "$$part"; cat "$(VPATH)/$$part"; done; } >$@.tmp
	@mv $@.tmp $@

# An object whose source has gone must not stay in the library.
OBJECT_LIST := objects.list
$(shell echo '$(OBJS)' | cmp -s - $(OBJECT_LIST) || echo '$(OBJS)' >$(OBJECT_LIST))
$(MODULE_big)$(DLSUFFIX): $(OBJECT_LIST)

# For scripts/check-layer: one suite at a time against the server of the environment.
.PHONY: run-regress run-isolation
run-regress:
	@$(pg_regress_installcheck) $(REGRESS_OPTS) $(REGRESS)
run-isolation:
	@$(pg_isolation_regress_installcheck) $(ISOLATION_OPTS) $(ISOLATION)
