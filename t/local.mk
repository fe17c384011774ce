# The tests. `make check` runs all of them under prove; a selection: make check TARDIS_TESTS="t/consumer/10-x.t t/unit/form"
# List a perl test in PERL_TESTS; a unit test (cmocka, prints TAP) as a program in UNIT_TESTS with its SOURCES,
# CPPFLAGS = $(UNIT_FLAGS) and LDADD = $(UNIT_LIBS).

PERL_TESTS = \
	t/provider/10-import.t \
	t/provider/15-import-disturbed.t \
	t/provider/20-transfer.t \
	t/provider/25-site-settings.t \
	t/provider/26-transfer-killed.t \
	t/provider/30-send.t \
	t/provider/40-send-killed.t \
	t/provider/50-send-trouble.t \
	t/provider/60-key.t \
	t/provider/70-database-away.t \
	t/consumer-views/10-register.t \
	t/consumer-views/20-register-refused.t \
	t/consumer-views/30-site-settings.t \
	t/consumer-views/40-notify.t \
	t/consumer-views/50-database.t \
	t/consumer-views/55-database-lost.t \
	t/consumer-views/60-configtest.t \
	t/consumer-views/70-broken-uploads.t \
	t/consumer-views/80-at-once.t \
	t/db/05-option-file.t \
	t/db/10-statements.t \
	t/db/20-reconnect.t \
	t/db/30-busy.t \
	t/db/40-schema-upgrade.t \
	t/db/50-schema-check.t \
	t/e2e/10-main-job.t \
	t/e2e/20-original-consumer.t \
	t/e2e/25-changed-experiment.t \
	t/e2e/30-original-provider.t \
	t/e2e/35-two-sites.t \
	t/e2e/40-valgrind.t \
	t/e2e/45-store-refuses.t \
	t/e2e/48-partial-retry.t \
	t/e2e/46-export.t \
	t/e2e/47-search.t \
	t/fuzz/10-replay.t \
	t/http/10-answers.t \
	t/http/20-slow-servers.t \
	t/http/30-tls.t \
	t/http/40-uploads.t \
	t/http/50-mail.t \
	t/http/60-endings.t \
	t/http/70-http2.t \
	t/method/10-webdav.t \
	t/method/20-webdav-failures.t \
	t/method/30-file.t \
	t/method/40-settings.t \
	t/mets/10-samples.t \
	t/mets/20-round-trip.t \
	t/mets/30-bad-documents.t \
	t/mets/40-again.t \
	t/packaging/05-testbed.t \
	t/packaging/10-manual.t \
	t/packaging/20-samples.t \
	t/packaging/30-layers.t \
	t/provider-views/10-access.t \
	t/provider-views/20-get.t \
	t/provider-views/22-get-files.t \
	t/provider-views/25-registry-url.t \
	t/provider-views/30-status.t \
	t/provider-views/35-batch-status.t \
	t/provider-views/40-database.t \
	t/provider-views/45-shared-queries.t \
	t/provider-views/50-key-file.t \
	t/provider-views/60-configtest.t \
	t/consumer/10-states.t \
	t/consumer/15-schedule.t \
	t/consumer/20-bad-provider.t \
	t/consumer/30-integrity.t \
	t/consumer/40-list-show-retry.t \
	t/consumer/45-hold.t \
	t/consumer/46-cancel.t \
	t/consumer/47-retry-many.t \
	t/consumer/48-leases.t \
	t/consumer/49-partial-retry.t \
	t/consumer/50-mail.t \
	t/consumer/51-digest.t \
	t/consumer/52-mail-templates.t \
	t/consumer/60-database-away.t \
	t/consumer/70-killed.t \
	t/consumer/80-overlap.t \
	t/consumer/83-batch-status.t \
	t/consumer/84-slow-provider.t \
	t/consumer/85-nothing-to-do.t \
	t/consumer/86-eight-ticks.t \
	t/consumer/87-bad-neighbours.t \
	t/consumer/87-database-restarts.t \
	t/consumer/88-mail-spool-full.t \
	t/consumer/89-clock.t \
	t/consumer/89-odd-rows.t \
	t/consumer/89-two-hosts.t \
	t/consumer/90-why.t \
	t/consumer/91-metrics.t \
	t/consumer/92-prune.t \
	t/consumer/93-tick-output.t \
	t/consumer/94-breaker.t \
	t/consumer/97-tick-live.t \
	t/consumer/95-providers.t \
	t/consumer/96-exit-status.t

UNIT_TESTS = \
	t/unit/site \
	t/unit/uid \
	t/unit/xml_reader \
	t/unit/sorter \
	t/unit/error \
	t/unit/config \
	t/unit/command \
	t/unit/digest \
	t/unit/http_url \
	t/unit/status \
	t/unit/status_encode \
	t/unit/share \
	t/unit/form \
	t/unit/users \
	t/unit/backoff \
	t/unit/schedule \
	t/unit/breaker \
	t/unit/fsm \
	t/unit/mail_template

# Programs that perl tests run.
TEST_CLIENTS = \
	t/unit/db_client \
	t/unit/ingest_client \
	t/unit/http_client \
	t/unit/method_client

UNIT_FLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
UNIT_LIBS = libtardis/libtardis.la $(CMOCKA_LIBS) $(APU_LIBS) $(APR_LIBS)

t_unit_command_SOURCES = t/unit/command.c
t_unit_command_CPPFLAGS = $(UNIT_FLAGS)
t_unit_command_LDADD = $(UNIT_LIBS)
t_unit_config_SOURCES = t/unit/config.c
t_unit_config_CPPFLAGS = $(UNIT_FLAGS)
t_unit_config_LDADD = $(UNIT_LIBS)
t_unit_error_SOURCES = t/unit/error.c
t_unit_error_CPPFLAGS = $(UNIT_FLAGS)
t_unit_error_LDADD = $(UNIT_LIBS)
t_unit_breaker_SOURCES = t/unit/breaker.c tardis-consumer/breaker.c tardis-consumer/breaker.h
t_unit_breaker_CPPFLAGS = $(UNIT_FLAGS) -I$(top_srcdir)/tardis-consumer
t_unit_breaker_LDADD = $(UNIT_LIBS)
t_unit_backoff_SOURCES = t/unit/backoff.c tardis-consumer/backoff.c tardis-consumer/backoff.h
t_unit_backoff_CPPFLAGS = $(UNIT_FLAGS) -I$(top_srcdir)/tardis-consumer
t_unit_backoff_LDADD = $(UNIT_LIBS)
t_unit_schedule_SOURCES = t/unit/schedule.c tardis-consumer/schedule.c tardis-consumer/schedule.h
t_unit_schedule_CPPFLAGS = $(UNIT_FLAGS) -I$(top_srcdir)/tardis-consumer
t_unit_schedule_LDADD = $(UNIT_LIBS)
t_unit_fsm_SOURCES = t/unit/fsm.c $(tardis_consumer_parts)
t_unit_fsm_CPPFLAGS = $(UNIT_FLAGS) -I$(top_srcdir)/tardis-consumer $(JANSSON_CFLAGS)
t_unit_fsm_LDADD = $(UNIT_LIBS) $(JANSSON_LIBS)
t_unit_mail_template_SOURCES = t/unit/mail_template.c $(tardis_consumer_parts)
t_unit_mail_template_CPPFLAGS = $(UNIT_FLAGS) -I$(top_srcdir)/tardis-consumer $(JANSSON_CFLAGS)
t_unit_mail_template_LDADD = $(UNIT_LIBS) $(JANSSON_LIBS)
t_unit_digest_SOURCES = t/unit/digest.c
t_unit_digest_CPPFLAGS = $(UNIT_FLAGS)
t_unit_digest_LDADD = $(UNIT_LIBS)
t_unit_db_client_SOURCES = t/unit/db_client.c
t_unit_db_client_CPPFLAGS = $(UNIT_FLAGS)
t_unit_db_client_LDADD = $(UNIT_LIBS)
t_unit_site_SOURCES = t/unit/site.c
t_unit_site_CPPFLAGS = $(UNIT_FLAGS)
t_unit_site_LDADD = $(UNIT_LIBS)
t_unit_uid_SOURCES = t/unit/uid.c
t_unit_uid_CPPFLAGS = $(UNIT_FLAGS)
t_unit_uid_LDADD = $(UNIT_LIBS)
t_unit_sorter_SOURCES = t/unit/sorter.c libtardis/sorter.c libtardis/sorter_runs.c
t_unit_sorter_CPPFLAGS = $(UNIT_FLAGS)
t_unit_sorter_LDADD = $(UNIT_LIBS)
t_unit_xml_reader_SOURCES = t/unit/xml_reader.c
t_unit_xml_reader_CPPFLAGS = $(UNIT_FLAGS)
t_unit_xml_reader_LDADD = $(UNIT_LIBS)
t_unit_ingest_client_SOURCES = t/unit/ingest_client.c
t_unit_ingest_client_CPPFLAGS = $(UNIT_FLAGS)
t_unit_ingest_client_LDADD = $(UNIT_LIBS)
t_unit_http_client_SOURCES = t/unit/http_client.c
t_unit_http_client_CPPFLAGS = $(UNIT_FLAGS)
t_unit_http_client_LDADD = $(UNIT_LIBS)
t_unit_method_client_SOURCES = t/unit/method_client.c
t_unit_method_client_CPPFLAGS = $(UNIT_FLAGS)
t_unit_method_client_LDADD = $(UNIT_LIBS)
t_unit_http_url_SOURCES = t/unit/http_url.c
t_unit_http_url_CPPFLAGS = $(UNIT_FLAGS)
t_unit_http_url_LDADD = $(UNIT_LIBS)
t_unit_status_SOURCES = t/unit/status.c
t_unit_status_CPPFLAGS = $(UNIT_FLAGS)
t_unit_status_LDADD = $(UNIT_LIBS)
t_unit_status_encode_SOURCES = t/unit/status_encode.c
t_unit_status_encode_CPPFLAGS = $(UNIT_FLAGS) $(JANSSON_CFLAGS)
t_unit_status_encode_LDADD = $(UNIT_LIBS) $(JANSSON_LIBS)
t_unit_share_SOURCES = t/unit/share.c
t_unit_share_CPPFLAGS = $(UNIT_FLAGS)
t_unit_share_LDADD = $(UNIT_LIBS)
t_unit_form_SOURCES = t/unit/form.c
t_unit_form_CPPFLAGS = $(UNIT_FLAGS)
t_unit_form_LDADD = $(UNIT_LIBS)
t_unit_users_SOURCES = t/unit/users.c
t_unit_users_CPPFLAGS = $(UNIT_FLAGS)
t_unit_users_LDADD = $(UNIT_LIBS)

EXTRA_DIST += \
	$(PERL_TESTS) \
	bench/fairness \
	bench/mets \
	bench/mets.py \
	bench/status \
	bench/status.lua \
	bench/tick \
	check.sh \
	demo.sh \
	t/testbed \
	t/build \
	t/install-packages \
	t/packages.txt \
	t/valgrind.supp \
	t/lib/BusyProvider.pm \
	t/lib/Crowd.pm \
	t/lib/DavServer.pm \
	t/lib/FakeServer.pm \
	t/lib/MethodClient.pm \
	t/lib/Followed.pm \
	t/data/why \
	t/data/whole.mets.xml \
	t/data/whole.notmets.xml \
	t/lib/HttpClient.pm \
	t/lib/Ingest.pm \
	t/lib/RawServer.pm \
	t/lib/ScriptedServer.pm \
	t/lib/TestCa.pm \
	t/lib/PrivateDb.pm \
	t/lib/Sending.pm \
	t/lib/Outbox.pm \
	t/lib/SmtpSink.pm \
	t/lib/Testbed.pm \
	t/lib/Testbed/Files.pm \
	t/lib/Testbed/Servers.pm \
	t/lib/Testbed/Setup.pm \
	t/lib/Views.pm

TARDIS_TESTS = $(UNIT_TESTS) $(PERL_TESTS)
TARDIS_TEST_JOBS = 2
selected_tests = $(patsubst %,$(abs_top_builddir)/%,$(filter-out %.t,$(TARDIS_TESTS))) \
	$(filter %.t,$(TARDIS_TESTS))

# The alternate signal stack of gcc 12's sanitizer is reported by itself when a thread ends.
if SANITIZERS
sanitizer_environment = ASAN_OPTIONS=use_sigaltstack=0
endif

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS) $(TEST_CLIENTS)

check-local:
	@cd '$(abs_top_srcdir)' && $(sanitizer_environment) TARDIS_BUILD_DIR='$(abs_top_builddir)' TARDIS_SOURCE_DIR='$(abs_top_srcdir)' \
	APXS='$(APXS)' CMOCKA_MESSAGE_OUTPUT=TAP PERL5LIB='$(abs_top_srcdir)/t/lib' \
	$(PROVE) --timer --jobs $(TARDIS_TEST_JOBS) $(selected_tests)
else
check-local:
	@echo 'cmocka was not found; on Debian: apt-get install libcmocka-dev' >&2; exit 1
endif
