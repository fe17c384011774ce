package PrivateDb;

# A private MariaDB without httpds or tools, and the program that drives libtardis' database code against it.
#
#   my $server = PrivateDb->new;
#   my $client = $server->client('provider');
#   my ($ending, @rows) = $client->ask('query 1 SELECT 1');   # "ok ", "1"
#
# The databases and users are those of a testbed; they are empty.

use strict;
use warnings;
use Cwd qw(abs_path);
use DBI;
use File::Basename qw(dirname);
use File::Temp;
use IPC::Open2;
use Scalar::Util qw(weaken);
use Testbed::Files;
use Testbed::Servers;
use Testbed::Setup;

my @alive; # weak references, for END

sub new {
    my ($class) = @_;
    my $source = $ENV{TARDIS_SOURCE_DIR} // dirname(dirname(dirname(abs_path(__FILE__))));
    my $build = abs_path($ENV{TARDIS_BUILD_DIR} // $source);
    die "$build holds no build; run make, or set TARDIS_BUILD_DIR\n" unless $build && -e "$build/Makefile";
    my $temp = File::Temp->newdir('private-db-XXXXXXXX', TMPDIR => 1);
    my $self = bless {temp => $temp, dir => abs_path("$temp"), build => $build, owner => $$}, $class;
    $self->{dismiss} = Testbed::Servers::guard($self->{dir});
    push @alive, $self;
    weaken($alive[-1]);
    local $ENV{TMPDIR} = $self->own_tmp;
    my $bed = Testbed::Setup::describe($self->{dir}, $build, $source);
    Testbed::Setup::make_directories($bed);
    Testbed::Setup::make_database($bed);
    Testbed::Files::write_option_files($bed);
    return $self;
}

# For the server's temporary tables: a server that starts removes what it takes for leftovers in a shared one.
sub own_tmp {
    my ($self) = @_;
    my $tmp = "$self->{dir}/tmp";
    return $tmp if -d $tmp;
    chmod 0755, $self->{dir};
    mkdir $tmp or die "$tmp: $!\n";
    chmod 01777, $tmp;
    return $tmp;
}

sub dir { return $_[0]{dir} }

sub build { return $_[0]{build} }

# ($name): the MySQL option file of provider, consumer or admin.
sub option_file { return "$_[0]{dir}/conf/$_[1].cnf" }

# ($name, $statement, @values): the first value of the first row, or undef.
sub sql {
    my ($self, $name, $statement, @values) = @_;
    my $options = $self->option_file($name);
    my $source = "DBI:MariaDB:mariadb_read_default_file=$options;mariadb_read_default_group=tardis";
    my $db = DBI->connect($source, undef, undef, {RaiseError => 1, PrintError => 0, AutoCommit => 1});
    my $query = $db->prepare($statement);
    $query->execute(@values);
    my $rows = $query->{NUM_OF_FIELDS} ? $query->fetchall_arrayref : [];
    $db->disconnect;
    return @$rows ? $rows->[0][0] : undef;
}

sub stop { Testbed::Servers::stop($_[0]{dir}, 'database') }
sub start {
    my ($self) = @_;
    local $ENV{TMPDIR} = $self->own_tmp;
    Testbed::Servers::start_database($self->{dir});
}

# ($name_or_file): a client, not connected yet.
sub client {
    my ($self, $name) = @_;
    my $file = $name =~ m{/} ? $name : $self->option_file($name);
    my $pid = open2(my $from, my $to, "$self->{build}/t/unit/db_client", $file);
    return bless {pid => $pid, from => $from, to => $to}, 'PrivateDb::Client';
}

# ($name): the same, connected.
sub connect {
    my ($self, $name) = @_;
    my $client = $self->client($name);
    my ($ending) = $client->ask('connect');
    die "connect: $ending\n" if $ending !~ /^ok/;
    return $client;
}

# At the end of the program, when the directory could go before the server that is to be found through it.
END {
    my $status = $?;
    $_ && $_->finish for @alive;
    $? = $status;
}

sub DESTROY { local ($?, $@); $_[0]->finish }

sub finish {
    my ($self) = @_;
    return if $self->{finished}++ || $self->{owner} != $$;
    Testbed::Servers::stop_all($self->{dir});
    $self->{dismiss}->();
}

package PrivateDb::Client;

# ($command): sends it and waits for the answer: the "ok" or "error" line, then the rows.
sub ask {
    my ($self, $command) = @_;
    $self->send($command);
    return $self->answer;
}

# ($command): sends it only; answer() waits.
sub send {
    my ($self, $command) = @_;
    syswrite($self->{to}, "$command\n");
}

sub answer {
    my ($self) = @_;
    my $from = $self->{from};
    my @rows;
    while (defined(my $line = <$from>)) {
        chomp $line;
        return ($line, @rows) if $line !~ s/^row //;
        push @rows, $line;
    }
    return ('gone', @rows);
}

# Ends it as nobody can prevent.
sub kill_hard {
    my ($self) = @_;
    kill 'KILL', $self->{pid};
    waitpid($self->{pid}, 0);
    $self->{pid} = 0;
}

# Lets it end by itself; returns its status.
sub close {
    my ($self) = @_;
    close $self->{to};
    waitpid($self->{pid}, 0);
    $self->{pid} = 0;
    return $?;
}

sub DESTROY {
    my ($self) = @_;
    local $?;
    $self->close if $self->{pid};
}

1;
