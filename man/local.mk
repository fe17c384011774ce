dist_man_MANS = \
	man/mod_tardis_consumer.8 \
	man/mod_tardis_provider.8 \
	man/tardis-consumer.1 \
	man/tardis-consumer.conf.5 \
	man/tardis-provider.1 \
	man/tardis-provider.conf.5

# The table of errors is the one in the source.
nodist_man_MANS = man/tardis-errors.7
EXTRA_DIST += man/errors.awk
CLEANFILES += man/tardis-errors.7

man/tardis-errors.7: $(srcdir)/libtardis/error.c $(srcdir)/man/errors.awk
	$(AM_V_GEN)$(MKDIR_P) man && $(AWK) -f $(srcdir)/man/errors.awk $(srcdir)/libtardis/error.c > $@.tmp && mv $@.tmp $@
