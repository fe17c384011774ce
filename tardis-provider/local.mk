# The provider's tool.
bin_PROGRAMS += tardis-provider/tardis-provider

tardis_provider_tardis_provider_SOURCES = \
	tardis-provider/by_hand.c \
	tardis-provider/by_hand.h \
	tardis-provider/cmd_cancel.c \
	tardis-provider/cmd_export.c \
	tardis-provider/cmd_import.c \
	tardis-provider/cmd_key.c \
	tardis-provider/cmd_list.c \
	tardis-provider/cmd_retry.c \
	tardis-provider/cmd_send.c \
	tardis-provider/cmd_show.c \
	tardis-provider/cmd_transfer.c \
	tardis-provider/commands.h \
	tardis-provider/import.h \
	tardis-provider/import_arguments.c \
	tardis-provider/import_compare.c \
	tardis-provider/import_hash.c \
	tardis-provider/import_store.c \
	tardis-provider/main.c \
	tardis-provider/media_type.c \
	tardis-provider/media_type.h \
	tardis-provider/progress.c \
	tardis-provider/progress.h \
	tardis-provider/registration.c \
	tardis-provider/registration.h \
	tardis-provider/send.h \
	tardis-provider/send_feed.c \
	tardis-provider/send_notify.c \
	tardis-provider/send_registration.c \
	tardis-provider/send_transfer.c \
	tardis-provider/settings.c \
	tardis-provider/settings.h \
	tardis-provider/show.h \
	tardis-provider/show_json.c \
	tardis-provider/site_book.c \
	tardis-provider/site_book.h \
	tardis-provider/subject.c \
	tardis-provider/table.c \
	tardis-provider/table.h \
	tardis-provider/walk.c \
	tardis-provider/walk.h

tardis_provider_tardis_provider_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tardis_provider_tardis_provider_CFLAGS = $(AM_CFLAGS) $(CONVERSION_CFLAGS)
tardis_provider_tardis_provider_LDADD = libtardis/libtardis.la $(JANSSON_LIBS) $(APU_LIBS) $(APR_LIBS)
