# The texts of mail, for mail_template_directory.
mailtemplatesdir = $(datadir)/tardis/mail
dist_mailtemplates_DATA = \
	conf/mail/complete.txt \
	conf/mail/digest.txt \
	conf/mail/failed.txt

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
