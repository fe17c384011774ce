# In the order in which they are applied: the catalogue first, each component by version.
schema_files = \
	$(srcdir)/schema/catalogue-1.sql \
	$(srcdir)/schema/catalogue-2.sql \
	$(srcdir)/schema/provider-1.sql \
	$(srcdir)/schema/provider-2.sql \
	$(srcdir)/schema/consumer-1.sql \
	$(srcdir)/schema/consumer-2.sql \
	$(srcdir)/schema/consumer-3.sql \
	$(srcdir)/schema/catalogue.manifest \
	$(srcdir)/schema/provider.manifest \
	$(srcdir)/schema/consumer.manifest

EXTRA_DIST += $(schema_files) schema/embed.awk schema/describe

nodist_libtardis_libtardis_la_SOURCES = libtardis/schema_sql.c
CLEANFILES += libtardis/schema_sql.c

libtardis/schema_sql.c: $(schema_files) $(srcdir)/schema/embed.awk
	$(AM_V_GEN)$(MKDIR_P) libtardis && \
	$(AWK) -f $(srcdir)/schema/embed.awk $(schema_files) > $@.tmp && mv $@.tmp $@
