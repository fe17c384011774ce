# The consumer's views.
httpdmodule_LTLIBRARIES += mod_tardis_consumer/mod_tardis_consumer.la

mod_tardis_consumer_mod_tardis_consumer_la_SOURCES = \
	mod_tardis_consumer/consumer.h \
	mod_tardis_consumer/credentials.c \
	mod_tardis_consumer/directives.c \
	mod_tardis_consumer/mod_tardis_consumer.c \
	mod_tardis_consumer/routes.c \
	mod_tardis_consumer/view_notify.c \
	mod_tardis_consumer/view_register.c \
	mod_tardis_consumer/view_site_settings.c

mod_tardis_consumer_mod_tardis_consumer_la_CPPFLAGS = $(MODULE_CPPFLAGS)
mod_tardis_consumer_mod_tardis_consumer_la_LIBADD = $(MODULE_LIBADD)
mod_tardis_consumer_mod_tardis_consumer_la_LDFLAGS = $(MODULE_LDFLAGS) \
	-export-symbols-regex '^tardis_consumer_module$$'
