package Testbed::Setup;

# Makes everything that a testbed consists of before its servers can start: directories, a certificate authority,
# an empty MariaDB, configuration files. `bring_up` is the story; everything else is told in its order.

use strict;
use warnings;
use File::Path qw(make_path);
use IO::Socket::INET;
use POSIX ();
use Testbed::Files;
use Testbed::Servers;
use Time::HiRes qw(sleep);

# ($dir, $build, $source): an empty directory, the build directory, the source directory.
# Returns the variables of DIR/env as a reference to a hash.
sub bring_up {
    my ($dir, $build, $source) = @_;
    my $bed = describe($dir, $build, $source);
    make_directories($bed);
    make_certificates($bed);
    make_database($bed);
    for my $attempt (1 .. 5) {
        choose_ports($bed);
        Testbed::Files::write_all($bed);
        upgrade_schemas($bed) if $attempt == 1;
        last if start_httpds($bed, $attempt == 5);
    }
    make_client_key($bed);
    my $env = environment($bed);
    Testbed::Files::write_env("$dir/env", $env);
    return $env;
}

# What is decided before anything is written.
sub describe {
    my ($dir, $build, $source) = @_;
    my %bed = (dir => $dir, build => $build, source => $source, site_name => 'Testbed University');
    die "$dir: use a name of letters, digits and ./_+-\n" if $dir =~ m{[^A-Za-z0-9./_+-]};
    die "$dir is too long a name for a Unix socket; use a shorter one\n" if length("$dir/run/mysql.sock") > 100;
    $bed{"${_}_password"} = random_word() for qw(register staff dav provider_db consumer_db admin_db);
    ($bed{user}, $bed{group}) = server_user();
    $bed{apxs} = find_program($ENV{APXS} // (), 'apxs', 'apxs2');
    chomp($bed{module_dir} = `$bed{apxs} -q LIBEXECDIR`);
    chomp(my $sbindir = `$bed{apxs} -q SBINDIR`);
    $bed{httpd} = find_program("$sbindir/apache2", "$sbindir/httpd", 'apache2', 'httpd');
    return \%bed;
}

# As root, the servers run as somebody else: httpd and mariadbd both insist on it.
sub server_user {
    return (getpwuid($>))[0] // $>, (getgrgid($) + 0))[0] // $) + 0 if $>;
    for my $name (qw(www-data nobody)) {
        my @entry = getpwnam($name) or next;
        return $name, scalar getgrgid($entry[3]);
    }
    die "there is neither a user www-data nor nobody to run the servers as\n";
}

sub find_program {
    for my $name (@_) {
        for my $path ($name =~ m{/} ? $name : map { "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin') {
            return $path if -x $path;
        }
    }
    die "none of these programs was found: @_\n";
}

sub make_directories {
    my ($bed) = @_;
    my $dir = $bed->{dir};
    make_path(map { "$dir/$_" } qw(conf run log tmp provider-store consumer-store dav provider-root consumer-root));
    chmod 0755, $dir, map { "$dir/$_" } qw(conf run log tmp provider-store consumer-store dav);
    own($bed, $dir, map { "$dir/$_" } qw(conf run log tmp consumer-store dav));
}

# Gives files to the user that the servers run as.
sub own {
    my ($bed, @files) = @_;
    return if $>;
    my ($user, $group) = (getpwnam($bed->{user}))[2, 3];
    chown($user, $group, @files) == @files or die "chown: $!\n";
}

sub make_certificates {
    my ($bed) = @_;
    my $conf = "$bed->{dir}/conf";
    Testbed::Files::put("$conf/openssl.cnf", 0644, <<'END');
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost,IP:127.0.0.1
END
    my @new_key = qw(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes);
    quietly($bed, qw(openssl req -x509 -days 30 -subj), '/CN=Testbed authority', '-config', "$conf/openssl.cnf",
        qw(-extensions authority -keyout), "$conf/ca.key", '-out', "$conf/ca.pem", @new_key);
    quietly($bed, qw(openssl req -subj), '/CN=localhost', '-config', "$conf/openssl.cnf",
        '-keyout', "$conf/server.key", '-out', "$conf/server.csr", @new_key);
    quietly($bed, qw(openssl x509 -req -days 30 -set_serial 2 -in), "$conf/server.csr", '-CA', "$conf/ca.pem",
        '-CAkey', "$conf/ca.key", '-out', "$conf/server.pem",
        '-extfile', "$conf/openssl.cnf", '-extensions', 'server');
    chmod 0600, "$conf/ca.key", "$conf/server.key";
}

# Databases and users are made by mariadbd itself as it starts, so no client program is needed. The server's time
# zone is an odd one on purpose: nothing may depend on it. Its temporary directory is its own, because a mariadbd
# that starts removes the temporary tables of all others from a shared one.
sub make_database {
    my ($bed) = @_;
    my $dir = $bed->{dir};
    my @user = $> ? () : "--user=$bed->{user}";
    quietly($bed, find_program('mariadb-install-db', 'mysql_install_db'), '--no-defaults', @user,
        "--datadir=$dir/mysql", "--tmpdir=$dir/tmp", '--skip-test-db', '--auth-root-authentication-method=normal',
        qw(--innodb-log-file-size=16M --innodb-flush-method=nosync));
    my @sql = map { <<END } qw(provider consumer);
CREATE DATABASE IF NOT EXISTS tardis_$_ CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS tardis_$_\@localhost IDENTIFIED BY '$bed->{"${_}_db_password"}';
GRANT ALL ON tardis_$_.* TO tardis_$_\@localhost;
END
    push @sql, "CREATE USER IF NOT EXISTS testbed\@localhost IDENTIFIED BY '$bed->{admin_db_password}';\n",
        "GRANT ALL ON *.* TO testbed\@localhost;\n";
    Testbed::Files::put("$dir/conf/init.sql", 0600, join('', @sql));
    own($bed, "$dir/conf/init.sql");
    Testbed::Files::put("$dir/conf/mariadbd.command", 0644, join("\n",
        find_program('mariadbd', 'mysqld'), '--no-defaults', @user, "--datadir=$dir/mysql", "--tmpdir=$dir/tmp",
        "--socket=$dir/run/mysql.sock", "--pid-file=$dir/run/mariadbd.pid", "--init-file=$dir/conf/init.sql",
        qw(--skip-networking --skip-log-bin --performance-schema=OFF --default-time-zone=+05:45
            --character-set-server=utf8mb4 --max-connections=200 --table-open-cache=200
            --innodb-buffer-pool-size=64M --innodb-log-file-size=16M), ''));
    Testbed::Servers::start_database($dir);
}

# Below the range that the kernel takes for outgoing connections, so that a stopped httpd finds its port free again.
sub choose_ports {
    my ($bed) = @_;
    my @held;
    for my $name (qw(provider_tls provider_plain consumer_tls consumer_plain)) {
        for (1 .. 200) {
            $bed->{$name} = 10240 + int rand 22000;
            push @held, IO::Socket::INET->new(LocalAddr => "127.0.0.1:$bed->{$name}", Listen => 1) || next;
            last;
        }
    }
    die "no free port was found\n" if @held < 4;
}

sub upgrade_schemas {
    my ($bed) = @_;
    for my $side (qw(provider consumer)) {
        quietly($bed, "$bed->{build}/tardis-$side/tardis-$side", '--config', "$bed->{dir}/conf/$side.conf",
            'schema', 'upgrade');
    }
}

# Starts both; false if a port was taken in the meantime and another attempt makes sense.
sub start_httpds {
    my ($bed, $last_attempt) = @_;
    for my $side (qw(provider consumer)) {
        next if eval { Testbed::Servers::start_httpd($bed->{dir}, $side); 1 };
        die $@ if $last_attempt || $@ !~ /could not bind/;
        Testbed::Servers::stop($bed->{dir}, 'provider');
        unlink glob("$bed->{dir}/log/{provider,consumer}-error.log");
        return 0;
    }
    return 1;
}

sub make_client_key {
    my ($bed) = @_;
    my $file = "$bed->{dir}/conf/client.key";
    quietly($bed, "$bed->{build}/tardis-provider/tardis-provider", '--config', "$bed->{dir}/conf/provider.conf",
        'key', 'add', '--site', $bed->{site_name}, '--address', '127.0.0.1', '--key-file', $file);
    ($bed->{client_key}) = Testbed::Servers::read_lines($file);
    die "tardis-provider key add wrote no key to $file\n" unless $bed->{client_key};
}

sub environment {
    my ($bed) = @_;
    my $dir = $bed->{dir};
    return {
        TESTBED_DIR => $dir,
        TARDIS_BUILD_DIR => $bed->{build},
        TARDIS_SOURCE_DIR => $bed->{source},
        PROVIDER_URL => $bed->{provider_url},
        CONSUMER_URL => $bed->{consumer_url},
        PROVIDER_HTTP_URL => "http://127.0.0.1:$bed->{provider_plain}",
        CONSUMER_HTTP_URL => "http://127.0.0.1:$bed->{consumer_plain}",
        CLIENT_KEY => $bed->{client_key},
        CLIENT_KEY_FILE => "$dir/conf/client.key",
        CA_FILE => "$dir/conf/ca.pem",
        SERVER_CERTIFICATE => "$dir/conf/server.pem",
        SERVER_KEY => "$dir/conf/server.key",
        DB_SOCKET => "$dir/run/mysql.sock",
        PROVIDER_DB => 'tardis_provider',
        CONSUMER_DB => 'tardis_consumer',
        PROVIDER_DB_OPTIONS => "$dir/conf/provider.cnf",
        CONSUMER_DB_OPTIONS => "$dir/conf/consumer.cnf",
        ADMIN_DB_OPTIONS => "$dir/conf/admin.cnf",
        PROVIDER_CONF => "$dir/conf/provider.conf",
        CONSUMER_CONF => "$dir/conf/consumer.conf",
        PROVIDER_STORE => "$dir/provider-store",
        CONSUMER_STORE => "$dir/consumer-store",
        REGISTER_USER => 'register',
        REGISTER_PASSWORD => $bed->{register_password},
        STAFF_USER => 'staff',
        STAFF_PASSWORD => $bed->{staff_password},
        DAV_URL => "$bed->{consumer_url}/dav",
        DAV_USER => 'dav',
        DAV_PASSWORD => $bed->{dav_password},
        SITE_NAME => $bed->{site_name},
        SITE_SETTINGS_URL => $bed->{site_settings_url},
        SITE_SETTINGS_FILE => "$dir/conf/site-settings.xml",
        SITES_FILE => "$dir/conf/sites.xml",
        PROVIDER_HTTPD_CONF => "$dir/conf/provider-httpd.conf",
        CONSUMER_HTTPD_CONF => "$dir/conf/consumer-httpd.conf",
        PROVIDER_ERROR_LOG => "$dir/log/provider-error.log",
        CONSUMER_ERROR_LOG => "$dir/log/consumer-error.log",
        HTTPD => $bed->{httpd},
        HTTPD_MODULE_DIR => $bed->{module_dir},
        HTTPD_ENVIRONMENT => "$dir/conf/httpd.environment",
        PATH => "$bed->{build}/tardis-provider:$bed->{build}/tardis-consumer:$ENV{PATH}",
    };
}

# Runs a command whose output matters only if it fails.
sub quietly {
    my ($bed, @command) = @_;
    my $log = "$bed->{dir}/log/setup.log";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        setpgrp(0, 0);
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>>', $log);
        open(STDERR, '>&', \*STDOUT);
        { no warnings 'exec'; exec { $command[0] } @command; }
        print STDERR "cannot run $command[0]: $!\n";
        POSIX::_exit(127);
    }
    my $waited = eval { waitpid($pid, 0); 1 };
    if (!$waited) {
        my $interruption = $@;
        kill 'KILL', -$pid;
        waitpid($pid, 0);
        sleep 0.5;
        die $interruption;
    }
    return if $? == 0;
    my @lines = Testbed::Servers::read_lines($log);
    splice(@lines, 0, @lines - 60) if @lines > 60;
    die join('', "failed: @command\n", map { "    $_\n" } @lines);
}

sub random_word {
    open(my $file, '<:raw', '/dev/urandom') or die "/dev/urandom: $!\n";
    read($file, my $bytes, 12) == 12 or die "/dev/urandom is short\n";
    return unpack('H*', $bytes);
}

1;
