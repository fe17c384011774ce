package Testbed;

# A testbed for one test file: real servers, taken down when the test ends, however it ends.
#
#   my $bed = Testbed->new;
#   my $uid = $bed->import_experiment('alpha', {'raw/a.dat' => 'bytes', 'raw/b.dat' => ''}, '--epn', 'E1');
#   my ($status, $out, $err) = $bed->run('tardis-provider', 'list');
#   is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 1);
#
# A line in an httpd's error log of level warn or above, or one that is no log line at all (a crash, a sanitizer's
# report), fails the test file unless expect_log() announced it. TARDIS_KEEP=1 leaves the directory for reading.

use strict;
use warnings;
use Cwd qw(abs_path);
use DBI;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp;
use HTTP::Tiny;
use IO::Select;
use IPC::Open3;
use MIME::Base64 qw(encode_base64);
use Scalar::Util qw(weaken);
use Symbol qw(gensym);
use Test::More ();
use Testbed::Servers;
use Testbed::Setup;

my @alive; # weak references, for END

# A testbed, up.
sub new {
    my ($class) = @_;
    my $source = $ENV{TARDIS_SOURCE_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
    my $build = abs_path($ENV{TARDIS_BUILD_DIR} // $source);
    die "$build holds no build; run make, or set TARDIS_BUILD_DIR\n" unless $build && -e "$build/Makefile";
    my $temp = File::Temp->newdir('testbed-XXXXXXXX', TMPDIR => 1, CLEANUP => !$ENV{TARDIS_KEEP});
    my $self = bless {dir => abs_path("$temp"), temp => $temp, owner => $$, expected => [], first_line => {}}, $class;
    $self->{dismiss} = Testbed::Servers::guard($self->{dir});
    push @alive, $self;
    weaken($alive[-1]);
    $self->{env} = Testbed::Setup::bring_up($self->{dir}, $build, abs_path($source));
    return $self;
}

sub dir { return $_[0]{dir} }

# ($name): a variable of DIR/env, such as 'PROVIDER_URL'.
sub env {
    my ($self, $name) = @_;
    return $self->{env}{$name} // die "the testbed has no $name\n";
}

# (@command): runs it with the built tools first on PATH and --config of the testbed for them. Returns
# (exit status, standard output, standard error); a signal's number is returned as 128 + number.
# A reference to a hash as first argument may give: stdin (text), env (variables to set), timeout (seconds, 120).
sub run {
    my ($self, @command) = @_;
    my $how = ref $command[0] ? shift @command : {};
    local %ENV = (%ENV, %{$self->{env}}, %{$how->{env} // {}});
    @command = $self->with_config(@command);
    my $pid = open3(my $in, my $out, my $err = gensym, @command);
    local $SIG{PIPE} = 'IGNORE';
    print $in $how->{stdin} if defined $how->{stdin};
    close $in;
    my %text = ($out => '', $err => '');
    my $select = IO::Select->new($out, $err);
    my $end = time + ($how->{timeout} // 120);
    while ($select->count) {
        my @ready = $select->can_read(1);
        kill 'KILL', $pid if time > $end;
        for my $handle (@ready) {
            sysread($handle, $text{$handle}, 65536, length $text{$handle}) or $select->remove($handle);
        }
    }
    waitpid($pid, 0);
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $text{$out}, $text{$err});
}

# (@command): as run(), in the background; returns its process id. Output goes to DIR/log/background.log.
sub start {
    my ($self, @command) = @_;
    my $pid = fork() // die "fork: $!\n";
    return $pid if $pid;
    @ENV{keys %{$self->{env}}} = values %{$self->{env}};
    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>>', "$self->{dir}/log/background.log");
    open(STDERR, '>&', \*STDOUT);
    { no warnings 'exec'; exec $self->with_config(@command); }
    POSIX::_exit(127);
}

sub with_config {
    my ($self, $program, @arguments) = @_;
    my %conf = ('tardis-provider' => 'PROVIDER_CONF', 'tardis-consumer' => 'CONSUMER_CONF');
    return ($program, @arguments) if !$conf{$program} || grep { $_ eq '--config' } @arguments;
    return ($program, '--config', $self->env($conf{$program}), @arguments);
}

# ($side, $statement, @values): $side is provider, consumer or admin. In scalar context the first value of the
# first row, else all rows as references to arrays. Text comes and goes as UTF-8 bytes.
sub sql {
    my ($self, $side, $statement, @values) = @_;
    my $options = $self->env(uc($side) . '_DB_OPTIONS');
    my $db = DBI->connect("DBI:MariaDB:mariadb_read_default_file=$options;mariadb_read_default_group=tardis", undef,
        undef, {RaiseError => 1, PrintError => 0, AutoCommit => 1});
    my $query = $db->prepare($statement);
    $query->execute(@values);
    my $rows = $query->{NUM_OF_FIELDS} ? $query->fetchall_arrayref : [];
    $db->disconnect;
    return wantarray ? @$rows : @$rows ? $rows->[0][0] : undef;
}

sub stop_db { Testbed::Servers::stop($_[0]{dir}, 'database') }
sub start_db { Testbed::Servers::start_database($_[0]{dir}) }
sub restart_db { $_[0]->stop_db; $_[0]->start_db }

# ($side): ends, starts, restarts an httpd. %how as in Testbed::Servers::start_httpd.
sub stop_httpd { Testbed::Servers::stop($_[0]{dir}, $_[1]) }
sub start_httpd { my ($self, $side, %how) = @_; Testbed::Servers::start_httpd($self->{dir}, $side, %how) }
sub restart_httpd { my ($self, $side, %how) = @_; $self->stop_httpd($side); $self->start_httpd($side, %how) }
sub httpd_pid { return Testbed::Servers::running($_[0]{dir}, $_[1]) }

# ($side, $name, $value): sets an option in the tool's configuration file; $value as it is written there, undef
# to remove the option.
sub set_option {
    my ($self, $side, $name, $value) = @_;
    my $file = $self->env(uc($side) . '_CONF');
    my @lines = grep { !/^\Q$name\E\s*=/ } Testbed::Servers::read_lines($file);
    unshift @lines, "$name = $value" if defined $value;
    $self->rewrite($file, join("\n", @lines, ''));
}

# ($side, $lines): adds lines to the httpd's configuration, before its virtual hosts; takes effect at a restart.
sub add_directives {
    my ($self, $side, $lines) = @_;
    my $file = $self->env(uc($side) . '_HTTPD_CONF');
    my $text = $self->slurp($file);
    $text =~ s/^(?=<VirtualHost)/$lines\n/m;
    $self->rewrite($file, $text);
}

# ($file, $text): replaces what a file holds and keeps its owner and mode.
sub rewrite {
    my ($self, $file, $text) = @_;
    open(my $out, '>:raw', $file) or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
}

sub slurp {
    my ($self, $file) = @_;
    open(my $in, '<:raw', $file) or die "$file: $!\n";
    local $/;
    return <$in> // '';
}

# ($method, $url, %options): one request; the answer as HTTP::Tiny gives it (status, reason, headers, content).
# Options: headers, content, key (the provider's key header), user and password (Basic).
sub request {
    my ($self, $method, $url, %options) = @_;
    my %headers = %{$options{headers} // {}};
    $headers{'X_MYTARDIS_KEY'} = $options{key} if defined $options{key};
    $headers{Authorization} = 'Basic ' . encode_base64("$options{user}:$options{password}", '')
        if defined $options{user};
    $self->{agent} //= HTTP::Tiny->new(verify_SSL => 1, timeout => 60, max_redirect => 0, keep_alive => 0,
        SSL_options => {SSL_ca_file => $self->env('CA_FILE')});
    my %request = (headers => \%headers);
    $request{content} = $options{content} if defined $options{content};
    return $self->{agent}->request($method, $url, \%request);
}

# ($method, $path, %options): a request to the provider's views with the client's key; $path below /apps/sync/provider/.
sub provider {
    my ($self, $method, $path, %options) = @_;
    $options{key} = $self->env('CLIENT_KEY') unless exists $options{key};
    return $self->request($method, $self->env('PROVIDER_URL') . "/apps/sync/provider/$path", %options);
}

# ($name => $value, ...): an urlencoded form; a name may occur more than once.
sub form {
    my ($self, @fields) = @_;
    my @pairs;
    while (my ($name, $value) = splice(@fields, 0, 2)) {
        push @pairs, join('=', map { s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger } $name, $value);
    }
    return join('&', @pairs);
}

# ([$name, $value, %more], ...): a multipart/form-data body. More: filename, disposition (form-data), type.
# Returns the Content-Type and the body.
sub multipart {
    my ($self, @parts) = @_;
    my $boundary = 'testbed-' . join('', map { int rand 10 } 1 .. 20);
    my $body = '';
    for my $part (@parts) {
        my ($name, $value, %more) = @$part;
        $body .= "--$boundary\r\nContent-Disposition: " . ($more{disposition} // 'form-data') . "; name=\"$name\"";
        $body .= "; filename=\"$more{filename}\"" if defined $more{filename};
        $body .= "\r\nContent-Type: $more{type}" if defined $more{type};
        $body .= "\r\n\r\n$value\r\n";
    }
    return ("multipart/form-data; boundary=$boundary", "$body--$boundary--\r\n");
}

# ($xml, %fields): registers a document at the consumer as register user. Fields override or add to the usual ones;
# the value undef leaves one out, a reference to an array repeats it.
sub register {
    my ($self, $xml, %fields) = @_;
    %fields = (username => $self->env('REGISTER_USER'), password => $self->env('REGISTER_PASSWORD'),
        from_url => $self->env('PROVIDER_URL'), originid => 'tardis.1', %fields);
    my @parts = map { my $name = $_; map { [$name, $_] } ref $fields{$name} ? @{$fields{$name}} : $fields{$name} }
        grep { defined $fields{$_} } sort keys %fields;
    my ($type, $body) = $self->multipart(@parts, ['xmldata', $xml, filename => 'METS.xml', type => 'text/xml']);
    return $self->request('POST', $self->env('CONSUMER_URL') . '/experiment/register/',
        headers => {'Content-Type' => $type}, content => $body);
}

# ($name, \%files): makes PROVIDER_STORE/$name with these files (path => content, a reference to a number for that
# many bytes of a pattern, undef for an empty directory). Returns its path.
sub make_experiment {
    my ($self, $name, $files) = @_;
    my $top = $self->env('PROVIDER_STORE') . "/$name";
    make_path($top);
    for my $path (sort keys %$files) {
        my $content = $files->{$path};
        make_path(defined $content ? dirname("$top/$path") : "$top/$path");
        next unless defined $content;
        $content = pattern($$content) if ref $content;
        $self->rewrite("$top/$path", $content);
    }
    return $top;
}

sub pattern {
    my ($length) = @_;
    my $line = join('', map { chr } 0 .. 250);
    return substr($line x ($length / 251 + 1), 0, $length);
}

# ($name, \%files, @options): makes an experiment and imports it (title $name, owner ada@uni.example, unless
# the options say otherwise). Returns its uid; dies with what the tool said if it fails.
sub import_experiment {
    my ($self, $name, $files, @options) = @_;
    my $top = $self->make_experiment($name, $files);
    unshift @options, '--title', $name unless grep { $_ eq '--title' } @options;
    unshift @options, '--owner', 'ada@uni.example' unless grep { $_ eq '--owner' } @options;
    my ($status, $out, $err) = $self->run('tardis-provider', 'import', $top, '--quiet', @options);
    die "import of $top failed with $status:\n$err" if $status;
    chomp $out;
    return $out;
}

# ($id): the state of an experiment at the consumer.
sub state {
    my ($self, $id) = @_;
    return $self->sql('consumer', 'SELECT state FROM synced_experiment WHERE experiment_id = ?', $id) // 'unknown';
}

# ($id, $state): ticks, without waiting for the next attempt's time, until the experiment is in this state or has
# come to an end. Returns its state.
sub tick_until {
    my ($self, $id, $state) = @_;
    for (1 .. 100) {
        my $now = $self->state($id);
        return $now if $now =~ /^(?:\Q$state\E|Complete|FailPermanent)$/;
        my ($status, $out, $err) = $self->run('tardis-consumer', 'tick', '--now', '--quiet');
        Test::More::diag("tick ended with $status: $err") if $status;
    }
    return $self->state($id);
}

# ($id): the states that an experiment went through, in order.
sub history {
    my ($self, $id) = @_;
    return map { $_->[0] } $self->sql('consumer', 'SELECT to_state FROM synced_event '
        . 'WHERE experiment_id = ? AND to_state IS NOT NULL ORDER BY id', $id);
}

# ($side, $last): the lines of an httpd's error log; with $last only those since the last such call.
sub error_log {
    my ($self, $side, $last) = @_;
    my @lines = Testbed::Servers::read_lines($self->env(uc($side) . '_ERROR_LOG'));
    my $first = $last ? $self->{first_line}{$side} // 0 : 0;
    $self->{first_line}{$side} = @lines;
    return @lines[$first .. $#lines];
}

# (@patterns): lines of the error logs that are expected from now on (of the whole file, in fact).
sub expect_log {
    my ($self, @patterns) = @_;
    push @{$self->{expected}}, @patterns;
}

# The lines of both error logs that should not be there.
sub unexpected_log {
    my ($self) = @_;
    my @lines;
    for my $side (qw(provider consumer)) {
        for my $line (Testbed::Servers::read_lines("$self->{dir}/log/$side-error.log")) {
            next if $line =~ /^\[[^\]]*\] \[\w*:(?:notice|info|debug|trace\d)\] / || $line =~ /^\s*$/;
            next if grep { $line =~ $_ } @{$self->{expected}};
            push @lines, "$side: $line";
        }
    }
    return @lines;
}

# Ends the servers; the END block does it for a test that does not.
sub down {
    my ($self) = @_;
    return if $self->{is_down} || $self->{owner} != $$;
    $self->{is_down} = 1;
    Testbed::Servers::stop_all($self->{dir});
    $self->{dismiss}->();
}

sub DESTROY { local ($?, $@); $_[0]->finish }

# Takes down, and complains of what the logs hold. True if all is well.
sub finish {
    my ($self) = @_;
    return 1 if $self->{finished} || $self->{owner} != $$;
    $self->{finished} = 1;
    $self->down;
    my @bad = $self->unexpected_log;
    Test::More::diag(join("\n", 'unexpected in the error logs:', @bad)) if @bad;
    $self->{failed} = $Testbed::failed = 1 if @bad;
    $self->show_logs if @bad || !Test::More->builder->is_passing;
    return !@bad;
}

sub show_logs {
    my ($self) = @_;
    for my $side (qw(provider consumer)) {
        Test::More::diag("end of the $side httpd's error log:\n" . Testbed::Servers::log_end($self->{dir}, $side));
    }
    Test::More::diag("the testbed is left in $self->{dir}") if $ENV{TARDIS_KEEP};
}

our $failed = 0;

END {
    my $status = $?;
    $_ && $_->finish for @alive;
    $? = $status || ($failed ? 1 : 0);
}

1;
