lib_LTLIBRARIES += libtardis/libtardis.la
pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = libtardis/tardis.pc

# Installed: what a plug-in author may include.
tardisincludedir = $(includedir)/tardis
tardisinclude_HEADERS = \
	libtardis/tardis_error.h \
	libtardis/tardis_form.h \
	libtardis/tardis_users.h \
	libtardis/tardis_digest.h \
	libtardis/tardis_http.h \
	libtardis/tardis_site.h \
	libtardis/tardis_status.h \
	libtardis/tardis_transfer_method.h \
	libtardis/tardis_sync_manager.h \
	libtardis/tardis_context.h

libtardis_libtardis_la_SOURCES = \
	libtardis/tardis_command.h \
	libtardis/tardis_config.h \
	libtardis/tardis_db.h \
	libtardis/tardis_schema.h \
	libtardis/tardis_synced_db.h \
	libtardis/tardis_synced_manual.h \
	libtardis/tardis_transfer_db.h \
	libtardis/client_key_db.c \
	libtardis/command_help.c \
	libtardis/command_format.c \
	libtardis/command_builtin.c \
	libtardis/command_arguments.c \
	libtardis/command.c \
	libtardis/command_private.h \
	libtardis/config.c \
	libtardis/config_file.c \
	libtardis/config_private.h \
	libtardis/config_values.c \
	libtardis/context.c \
	libtardis/db.c \
	libtardis/db_bulk.c \
	libtardis/db_errors.c \
	libtardis/db_list.c \
	libtardis/db_list.h \
	libtardis/db_option_file.c \
	libtardis/db_pool.c \
	libtardis/db_private.h \
	libtardis/db_rows.c \
	libtardis/db_statements.c \
	libtardis/db_values.c \
	libtardis/digest.c \
	libtardis/digest_files.c \
	libtardis/error.c \
	libtardis/file_problem_db.c \
	libtardis/form.c \
	libtardis/form_multipart.c \
	libtardis/form_private.h \
	libtardis/form_urlencoded.c \
	libtardis/http.c \
	libtardis/http_internal.h \
	libtardis/http_mail.c \
	libtardis/http_request.c \
	libtardis/http_response.c \
	libtardis/http_url.c \
	libtardis/mets_export.c \
	libtardis/mime_header.c \
	libtardis/mime_header.h \
	libtardis/notification_db.c \
	libtardis/notification_rows.h \
	libtardis/outbox_db.c \
	libtardis/outbox_digest_db.c \
	libtardis/tardis_outbox.h \
	libtardis/notify_db.c \
	libtardis/output.c \
	libtardis/tardis_output.h \
	libtardis/overview_db.c \
	libtardis/partial_retry_db.c \
	libtardis/tardis_partial_retry.h \
	libtardis/process.c \
	libtardis/registration_admin_db.c \
	libtardis/registration_db.c \
	libtardis/schema.c \
	libtardis/schema_check.c \
	libtardis/schema_private.h \
	libtardis/schema_upgrade.c \
	libtardis/site.c \
	libtardis/source_db.c \
	libtardis/status.c \
	libtardis/status_batch.c \
	libtardis/status_private.h \
	libtardis/status_encode.c \
	libtardis/status_scan.c \
	libtardis/status_share.c \
	libtardis/key_cache.c \
	libtardis/tardis_key_cache.h \
	libtardis/tardis_status_share.h \
	libtardis/transfer_copy.c \
	libtardis/transfer_copy.h \
	libtardis/transfer_file.c \
	libtardis/transfer_method.c \
	libtardis/transfer_method.h \
	libtardis/transfer_source.c \
	libtardis/transfer_source.h \
	libtardis/transfer_webdav.c \
	libtardis/transfer_webdav.h \
	libtardis/transfer_webdav_directories.c \
	libtardis/suggest.c \
	libtardis/suggest.h \
	libtardis/sync_manager.c \
	libtardis/sync_statuses.c \
	libtardis/sync_statuses.h \
	libtardis/transfer_status_db.c \
	libtardis/transfer_status_db.h \
	libtardis/transfer_statuses.c \
	libtardis/synced_claim_db.c \
	libtardis/synced_clock_db.c \
	libtardis/synced_db.c \
	libtardis/synced_event_db.c \
	libtardis/provider_hold_db.c \
	libtardis/provider_health_db.c \
	libtardis/provider_health_rows.h \
	libtardis/provider_overview_db.c \
	libtardis/provider_put_off_db.c \
	libtardis/tardis_provider_health.h \
	libtardis/synced_hold_db.c \
	libtardis/synced_manual_db.c \
	libtardis/synced_rows.c \
	libtardis/synced_save_db.c \
	libtardis/synced_figures_db.c \
	libtardis/synced_prune_db.c \
	libtardis/synced_story_db.c \
	libtardis/tardis_synced_report.h \
	libtardis/synced_rows.h \
	libtardis/tardis_uid.h \
	libtardis/transfer_admin_db.c \
	libtardis/transfer_claim_db.c \
	libtardis/transfer_db.c \
	libtardis/transfer_partial.h \
	libtardis/transfer_partial_db.c \
	libtardis/transfer_rows.c \
	libtardis/transfer_rows.h \
	libtardis/catalogue_db.c \
	libtardis/catalogue_page_db.c \
	libtardis/catalogue_private.h \
	libtardis/catalogue_writer_db.c \
	libtardis/tardis_catalogue.h \
	libtardis/xml_reader.c \
	libtardis/xml_reader.h \
	libtardis/xml_text.c \
	libtardis/xml_text.h \
	libtardis/xml_site.c \
	libtardis/ingest.c \
	libtardis/ingest_catalogue.c \
	libtardis/ingest_private.h \
	libtardis/ingest_values.c \
	libtardis/ingest_paths.c \
	libtardis/sorter.c \
	libtardis/sorter.h \
	libtardis/sorter_private.h \
	libtardis/sorter_runs.c \
	libtardis/tardis_ingest.h \
	libtardis/xml_mets_describe.c \
	libtardis/xml_mets_files.c \
	libtardis/xml_mets_private.h \
	libtardis/xml_mets_read.c \
	libtardis/xml_mets_resolve.c \
	libtardis/xml_mets_structure.c \
	libtardis/xml_notmets_read.c \
	libtardis/xml_mets_write.c \
	libtardis/xml_mets_write_files.c \
	libtardis/xml_mets_write_private.h \
	libtardis/xml_mets_write_sets.c \
	libtardis/xml_mets_writer.c \
	libtardis/xml_reader_private.h \
	libtardis/xml_reader_values.c \
	libtardis/transfer_service.c \
	libtardis/uid.c \
	libtardis/users.c \
	libtardis/db_transact.c \
	libtardis/db_transact.h

libtardis_libtardis_la_CPPFLAGS = $(AM_CPPFLAGS) $(MYSQL_CFLAGS) $(CURL_CFLAGS) $(XML_CFLAGS) \
	$(JANSSON_CFLAGS) $(CRYPTO_CFLAGS) $(CONFUSE_CFLAGS)
libtardis_libtardis_la_CFLAGS = $(AM_CFLAGS) $(CONVERSION_CFLAGS)
libtardis_libtardis_la_LIBADD = $(MYSQL_LIBS) $(CURL_LIBS) $(XML_LIBS) $(JANSSON_LIBS) \
	$(CRYPTO_LIBS) $(CONFUSE_LIBS) $(APU_LIBS) $(APR_LIBS) -lm
libtardis_libtardis_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^tardis_'
