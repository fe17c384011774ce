package Testbed::Files;

# The configuration files of a testbed. What depends on the ports is written again when the ports change.

use strict;
use warnings;
use Fcntl;
use Testbed::Servers;

sub write_all {
    my ($bed) = @_;
    $bed->{provider_url} = "https://127.0.0.1:$bed->{provider_tls}";
    $bed->{consumer_url} = "https://127.0.0.1:$bed->{consumer_tls}";
    $bed->{site_settings_url} = "$bed->{consumer_url}/site-settings.xml/";
    write_option_files($bed);
    write_site_files($bed);
    write_tool_configurations($bed);
    write_passwords($bed);
    write_httpd($bed, 'provider', provider_part($bed));
    write_httpd($bed, 'consumer', consumer_part($bed));
}

sub write_option_files {
    my ($bed) = @_;
    my %user = (provider => 'tardis_provider', consumer => 'tardis_consumer', admin => 'testbed');
    for my $name (sort keys %user) {
        my $database = $name eq 'admin' ? '' : "database = tardis_$name\n";
        for_servers($bed, "$name.cnf", <<END);
[tardis]
socket = $bed->{dir}/run/mysql.sock
user = $user{$name}
password = $bed->{"${name}_db_password"}
$database
END
    }
}

sub write_site_files {
    my ($bed) = @_;
    for_servers($bed, 'sites.xml', <<END);
<?xml version="1.0" encoding="UTF-8"?>
<sites>
  <site>
    <name>$bed->{site_name}</name>
    <url>$bed->{site_settings_url}</url>
    <username>staff</username>
    <password>$bed->{staff_password}</password>
  </site>
</sites>
END
    for_servers($bed, 'site-settings.xml', <<END);
<?xml version="1.0" encoding="UTF-8"?>
<site-settings>
  <email-endswith>\@uni.example</email-endswith>
  <register>
    <url>$bed->{consumer_url}/experiment/register/</url>
    <username>register</username>
    <password>$bed->{register_password}</password>
    <fileProtocol></fileProtocol>
  </register>
  <transfer>
    <type>webdav</type>
    <user>dav</user>
    <password>$bed->{dav_password}</password>
    <sl>$bed->{consumer_url}</sl>
    <serversite>/dav</serversite>
  </transfer>
</site-settings>
END
}

sub write_tool_configurations {
    my ($bed) = @_;
    my $conf = "$bed->{dir}/conf";
    my $common = <<END;
ca_file = "$conf/ca.pem"
connect_timeout = 5
stall_timeout = 30
total_timeout = 60
retry_minimum = 1
retry_maximum = 2
END
    for_servers($bed, 'provider.conf', <<END);
mysql_option_file = "$conf/provider.cnf"
base_url = "$bed->{provider_url}"
site_registry = "$conf/sites.xml"
$common
END
    for_servers($bed, 'consumer.conf', <<END);
mysql_option_file = "$conf/consumer.cnf"
base_url = "$bed->{consumer_url}"
store = "$bed->{dir}/consumer-store"
site_settings_url = "$bed->{site_settings_url}"
poll_interval = 1
smtp_url = "smtp://127.0.0.1:1"
mail_from = "tardis\@uni.example"
mail_template_directory = "$bed->{source}/conf/mail"
$common
provider "$bed->{provider_url}" {
  key_file = "$conf/client.key"
}
END
}

sub write_passwords {
    my ($bed) = @_;
    for my $user (qw(register staff dav)) {
        for_servers($bed, "$user.htpasswd", "$user:" . apr1($bed->{"${user}_password"}) . "\n");
    }
}

# Not an argument of the command: those can be seen by everybody.
sub apr1 {
    my ($password) = @_;
    pipe(my $from, my $to) or die "pipe: $!\n";
    my $pid = open(my $answer, '-|') // die "fork: $!\n";
    if (!$pid) {
        close $to;
        open(STDIN, '<&', $from);
        exec qw(openssl passwd -apr1 -stdin);
    }
    close $from;
    print $to "$password\n";
    close $to;
    chomp(my $hash = <$answer> // '');
    close $answer or die "openssl passwd failed\n";
    return $hash;
}

sub provider_part {
    my ($bed) = @_;
    my $conf = "$bed->{dir}/conf";
    return <<END;
LoadModule tardis_provider_module $bed->{build}/mod_tardis_provider/.libs/mod_tardis_provider.so
LogLevel tardis_provider:debug
TardisProviderDatabase $conf/provider.cnf
TardisProviderSiteRegistry $conf/sites.xml
TardisProviderCAFile $conf/ca.pem
<Location "/apps/sync/provider">
    SetHandler tardis-provider
</Location>
END
}

sub consumer_part {
    my ($bed) = @_;
    my $conf = "$bed->{dir}/conf";
    return <<END;
LoadModule auth_basic_module $bed->{module_dir}/mod_auth_basic.so
LoadModule authn_core_module $bed->{module_dir}/mod_authn_core.so
LoadModule authn_file_module $bed->{module_dir}/mod_authn_file.so
LoadModule authz_user_module $bed->{module_dir}/mod_authz_user.so
LoadModule alias_module $bed->{module_dir}/mod_alias.so
LoadModule dav_module $bed->{module_dir}/mod_dav.so
LoadModule dav_fs_module $bed->{module_dir}/mod_dav_fs.so
LoadModule tardis_consumer_module $bed->{build}/mod_tardis_consumer/.libs/mod_tardis_consumer.so
LogLevel tardis_consumer:debug
TardisConsumerDatabase $conf/consumer.cnf
TardisConsumerStore $bed->{dir}/consumer-store
TardisConsumerRegisterUsers $conf/register.htpasswd
TardisConsumerStaffUsers $conf/staff.htpasswd
TardisConsumerSiteSettings $conf/site-settings.xml
<LocationMatch "^/(experiment/register|site-settings\\.xml|apps/sync/consumer)(/|\$)">
    SetHandler tardis-consumer
</LocationMatch>
DavLockDB $bed->{dir}/dav/lock
Alias /dav $bed->{dir}/consumer-store
<Location "/dav">
    Dav On
    SetHandler default-handler
    LimitRequestBody 0
    AuthType Basic
    AuthName "Testbed University's store"
    AuthBasicProvider file
    AuthUserFile $conf/dav.htpasswd
    Require user dav
</Location>
END
}

sub write_httpd {
    my ($bed, $side, $part) = @_;
    my ($dir, $modules) = ($bed->{dir}, $bed->{module_dir});
    my ($tls, $plain) = ($bed->{"${side}_tls"}, $bed->{"${side}_plain"});
    my $user = $> ? '' : "User $bed->{user}\nGroup $bed->{group}\n";
    for_servers($bed, "$side-httpd.conf", <<END);
ServerRoot $dir
ServerName localhost
DefaultRuntimeDir $dir/run
PidFile $dir/run/$side-httpd.pid
ErrorLog $dir/log/$side-error.log
LogLevel notice
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule socache_shmcb_module $modules/mod_socache_shmcb.so
LoadModule ssl_module $modules/mod_ssl.so
${user}StartServers 1
MinSpareThreads 5
MaxSpareThreads 50
ThreadsPerChild 25
MaxRequestWorkers 50
MaxKeepAliveRequests 0
GracefulShutdownTimeout 5
Listen 127.0.0.1:$plain
Listen 127.0.0.1:$tls
LogFormat "%a \\"%m %U\\" %>s %B" testbed
CustomLog $dir/log/$side-access.log testbed
DocumentRoot $dir/$side-root
<Directory "/">
    AllowOverride None
    Require all granted
</Directory>
SSLSessionCache shmcb:$dir/run/$side-sessions(512000)
$part
<VirtualHost 127.0.0.1:$plain>
    ServerName localhost
</VirtualHost>
<VirtualHost 127.0.0.1:$tls>
    ServerName localhost
    SSLEngine on
    SSLCertificateFile $dir/conf/server.pem
    SSLCertificateKeyFile $dir/conf/server.key
</VirtualHost>
END
    put("$dir/conf/$side.ports", 0644, "$plain\n$tls\n");
    put("$dir/conf/$side-httpd.command", 0644, "$bed->{httpd}\n-d\n$dir\n-f\n$dir/conf/$side-httpd.conf\n");
    put("$dir/conf/httpd.environment", 0644, httpd_environment($bed));
}

# A sanitized module needs the sanitizer's library in httpd before everything else.
sub httpd_environment {
    my ($bed) = @_;
    my $libraries = "$bed->{build}/libtardis/.libs";
    my $text = "LD_LIBRARY_PATH=$libraries\n";
    my ($asan) = `ldd $libraries/libtardis.so 2>&1` =~ m{=> (\S*/libasan\.so\S*)};
    $text .= "LD_PRELOAD=$asan\nASAN_OPTIONS=detect_leaks=0:use_sigaltstack=0\n" if $asan;
    return $text;
}

# A file of secrets, or near them: only for the user that the servers run as (and root).
sub for_servers {
    my ($bed, $name, $text) = @_;
    Testbed::Files::put("$bed->{dir}/conf/$name", 0600, $text);
    Testbed::Setup::own($bed, "$bed->{dir}/conf/$name");
}

sub write_env {
    my ($name, $env) = @_;
    my $text = '';
    for my $variable (sort keys %$env) {
        (my $value = $env->{$variable}) =~ s/'/'\\''/g;
        $text .= "$variable='$value'\n";
    }
    Testbed::Files::put($name, 0600, $text);
}

sub put {
    my ($name, $mode, $text) = @_;
    unlink $name;
    sysopen(my $file, $name, O_WRONLY | O_CREAT | O_EXCL, $mode) or die "$name: $!\n";
    print $file $text;
    close $file or die "$name: $!\n";
}

1;
