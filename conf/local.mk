# Samples; the paths in them are those of a Debian package.
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	conf/consumer.conf \
	conf/crontab \
	conf/httpd-consumer.conf \
	conf/httpd-provider.conf \
	conf/mysql.cnf \
	conf/provider.conf \
	conf/site-settings.xml \
	conf/sites.xml \
	conf/tardis-consumer-tick.service \
	conf/tardis-consumer-tick.timer \
	conf/tardis-provider-send.service \
	conf/tardis-provider-send.timer
