# Fuzzing. `make fuzz` builds a libFuzzer program for each target into t/fuzz/; `make check` runs what is in the
# corpus through the same targets once, whatever the compiler.
#
#   make fuzz && t/fuzz/mets -max_total_time=3600 -dict=SOURCE/t/fuzz/xml.dict NEW SOURCE/t/fuzz/corpus/mets

fuzz_targets = urlencoded multipart registry site_settings status mets notmets

# What reads what comes from outside: all of it but what talks to databases and other hosts.
fuzz_sources = \
	t/fuzz/documents.c \
	t/fuzz/forms.c \
	t/fuzz/fuzz.c \
	t/fuzz/sites.c \
	t/fuzz/status.c \
	libtardis/digest.c \
	libtardis/error.c \
	libtardis/form.c \
	libtardis/form_multipart.c \
	libtardis/form_urlencoded.c \
	libtardis/http_url.c \
	libtardis/ingest_catalogue.c \
	libtardis/ingest_paths.c \
	libtardis/ingest_values.c \
	libtardis/mime_header.c \
	libtardis/sorter.c \
	libtardis/sorter_runs.c \
	libtardis/status.c \
	libtardis/status_batch.c \
	libtardis/status_encode.c \
	libtardis/status_scan.c \
	libtardis/suggest.c \
	libtardis/uid.c \
	libtardis/xml_mets_describe.c \
	libtardis/xml_mets_files.c \
	libtardis/xml_mets_read.c \
	libtardis/xml_mets_resolve.c \
	libtardis/xml_mets_structure.c \
	libtardis/xml_notmets_read.c \
	libtardis/xml_reader.c \
	libtardis/xml_reader_values.c \
	libtardis/xml_site.c \
	libtardis/xml_text.c
fuzz_cppflags = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(XML_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
fuzz_libs = $(CURL_LIBS) $(XML_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(APU_LIBS) $(APR_LIBS) -lm

FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

check_PROGRAMS += t/fuzz/replay
t_fuzz_replay_SOURCES = t/fuzz/replay.c t/fuzz/fuzz.h $(fuzz_sources)
t_fuzz_replay_CPPFLAGS = $(fuzz_cppflags)
t_fuzz_replay_LDADD = $(fuzz_libs)

fuzz_programs = $(addprefix t/fuzz/,$(fuzz_targets))
fuzz_objects = $(patsubst %.c,t/fuzz/objects/%.o,$(fuzz_sources))

fuzz: $(fuzz_programs)

$(fuzz_programs): t/fuzz/%: $(fuzz_objects) t/fuzz/entry.c
	$(AM_V_CCLD)$(FUZZ_CC) -std=gnu11 $(FUZZ_CFLAGS) -fsanitize=fuzzer $(fuzz_cppflags) $(APR_CFLAGS) \
		-DFUZZ_TARGET=fuzz_$* -o $@ $(srcdir)/t/fuzz/entry.c $(fuzz_objects) $(fuzz_libs)

t/fuzz/objects/%.o: %.c
	@$(MKDIR_P) $(@D)
	$(AM_V_CC)$(FUZZ_CC) -std=gnu11 $(FUZZ_CFLAGS) $(fuzz_cppflags) $(APR_CFLAGS) $(APU_CFLAGS) -c -o $@ $<

clean-local:
	rm -rf t/fuzz/objects $(fuzz_programs)

.PHONY: fuzz
EXTRA_DIST += t/fuzz/corpus t/fuzz/xml.dict t/fuzz/entry.c t/fuzz/10-replay.t
