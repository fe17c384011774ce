# What both httpd modules share; linked into each.
noinst_LTLIBRARIES += mod_common/libmodcommon.la

mod_common_libmodcommon_la_SOURCES = \
	mod_common/check.c \
	mod_common/check.h \
	mod_common/child.c \
	mod_common/child.h \
	mod_common/directive.c \
	mod_common/directive.h \
	mod_common/view.c \
	mod_common/view.h \
	mod_common/view_answer.c \
	mod_common/view_form.c

mod_common_libmodcommon_la_CPPFLAGS = $(AM_CPPFLAGS) $(HTTPD_CPPFLAGS) $(APR_CFLAGS) $(APU_CFLAGS)

# For the two modules.
MODULE_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/mod_common $(HTTPD_CPPFLAGS) $(APR_CFLAGS) $(APU_CFLAGS)
MODULE_LIBADD = mod_common/libmodcommon.la libtardis/libtardis.la $(APU_LIBS) $(APR_LIBS)
MODULE_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
