bin_PROGRAMS += tardis-consumer/tardis-consumer

# Everything but main(), for the unit tests as well.
tardis_consumer_parts = \
	tardis-consumer/backoff.c \
	tardis-consumer/backoff.h \
	tardis-consumer/breaker.c \
	tardis-consumer/breaker.h \
	tardis-consumer/chunks.c \
	tardis-consumer/chunks.h \
	tardis-consumer/cmd_cancel.c \
	tardis-consumer/cmd_export.c \
	tardis-consumer/cmd_hold.c \
	tardis-consumer/cmd_list.c \
	tardis-consumer/cmd_metrics.c \
	tardis-consumer/cmd_providers.c \
	tardis-consumer/cmd_prune.c \
	tardis-consumer/cmd_register.c \
	tardis-consumer/cmd_retry.c \
	tardis-consumer/cmd_show.c \
	tardis-consumer/cmd_tick.c \
	tardis-consumer/cmd_why.c \
	tardis-consumer/commands.h \
	tardis-consumer/experiment.c \
	tardis-consumer/fsm.c \
	tardis-consumer/fsm.h \
	tardis-consumer/gather.c \
	tardis-consumer/gather.h \
	tardis-consumer/health.c \
	tardis-consumer/health.h \
	tardis-consumer/integrity.c \
	tardis-consumer/integrity.h \
	tardis-consumer/lanes.c \
	tardis-consumer/lanes.h \
	tardis-consumer/list_leases.c \
	tardis-consumer/list_leases.h \
	tardis-consumer/mail.c \
	tardis-consumer/mail.h \
	tardis-consumer/mail_digest.c \
	tardis-consumer/mail_digest.h \
	tardis-consumer/mail_template.c \
	tardis-consumer/mail_template.h \
	tardis-consumer/mail_template_fill.c \
	tardis-consumer/mail_template_parts.h \
	tardis-consumer/metrics.c \
	tardis-consumer/metrics.h \
	tardis-consumer/metrics_providers.c \
	tardis-consumer/metrics_ticks.c \
	tardis-consumer/manual.c \
	tardis-consumer/manual.h \
	tardis-consumer/notice.c \
	tardis-consumer/notice.h \
	tardis-consumer/outbox.c \
	tardis-consumer/outbox.h \
	tardis-consumer/paragraph.c \
	tardis-consumer/paragraph.h \
	tardis-consumer/partial.c \
	tardis-consumer/partial.h \
	tardis-consumer/schedule.c \
	tardis-consumer/schedule.h \
	tardis-consumer/settings.c \
	tardis-consumer/settings.h \
	tardis-consumer/show.h \
	tardis-consumer/show_json.c \
	tardis-consumer/show_page.c \
	tardis-consumer/states.c \
	tardis-consumer/states.h \
	tardis-consumer/tick.c \
	tardis-consumer/tick.h \
	tardis-consumer/tick_count.c \
	tardis-consumer/tick_count.h \
	tardis-consumer/tick_live.c \
	tardis-consumer/tick_live.h \
	tardis-consumer/tick_report.c \
	tardis-consumer/tick_report.h \
	tardis-consumer/transfer_client.c \
	tardis-consumer/transfer_client.h \
	tardis-consumer/why.h \
	tardis-consumer/why_json.c \
	tardis-consumer/why_judge.c \
	tardis-consumer/why_meaning.c \
	tardis-consumer/why_meaning.h \
	tardis-consumer/why_page.c

tardis_consumer_tardis_consumer_SOURCES = tardis-consumer/main.c $(tardis_consumer_parts)
tardis_consumer_tardis_consumer_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tardis_consumer_tardis_consumer_CFLAGS = $(AM_CFLAGS) $(CONVERSION_CFLAGS)
tardis_consumer_tardis_consumer_LDADD = libtardis/libtardis.la $(JANSSON_LIBS) $(APU_LIBS) $(APR_LIBS)
