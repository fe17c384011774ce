# The provider's views.
httpdmodule_LTLIBRARIES += mod_tardis_provider/mod_tardis_provider.la

mod_tardis_provider_mod_tardis_provider_la_SOURCES = \
	mod_tardis_provider/client_auth.c \
	mod_tardis_provider/directives.c \
	mod_tardis_provider/key_file.c \
	mod_tardis_provider/mod_tardis_provider.c \
	mod_tardis_provider/provider.h \
	mod_tardis_provider/registry.c \
	mod_tardis_provider/routes.c \
	mod_tardis_provider/share.c \
	mod_tardis_provider/view_get.c \
	mod_tardis_provider/view_index.c \
	mod_tardis_provider/view_status.c \
	mod_tardis_provider/view_statuses.c

mod_tardis_provider_mod_tardis_provider_la_CPPFLAGS = $(MODULE_CPPFLAGS)
mod_tardis_provider_mod_tardis_provider_la_LIBADD = $(MODULE_LIBADD)
mod_tardis_provider_mod_tardis_provider_la_LDFLAGS = $(MODULE_LDFLAGS) \
	-export-symbols-regex '^tardis_provider_module$$'
