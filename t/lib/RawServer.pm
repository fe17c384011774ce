package RawServer;

# A server for what no real server does: the handler has the connection itself. Each connection is served by a process
# of its own.
#
#   my $server = RawServer->new(handler => sub { my ($connection, $self, $number) = @_; ... });
#   RawServer->new(handler => ..., certificate => $pem, key => $pem)      TLS
#   RawServer::head($connection)     reads a request's head: ("PUT /x HTTP/1.1", {header => value}, what came after)
#   $server->note("text")            for the handler: remembers a line
#   $server->notes                   for the test: the lines remembered so far
#   $server->port, $server->stop

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::INET;
use POSIX ();

sub new {
    my ($class, %options) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64, ReuseAddr => 1)
        or die "listen: $!\n";
    my $record = File::Temp->new(TEMPLATE => 'raw-XXXXXXXX', TMPDIR => 1);
    my $self = bless {%options, port => $listener->sockport, record => $record, owner => $$}, $class;
    my $parent = $$;
    # A process group of its own, so that connections end with it.
    $self->{pid} = fork() // die "fork: $!\n";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        POSIX::setpgid(0, 0);
        $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
        eval { $self->serve($listener, $parent) };
        print STDERR "raw server: $@" if $@;
        POSIX::_exit(0);
    }
    POSIX::setpgid($self->{pid}, $self->{pid});
    close $listener;
    return $self;
}

sub port { return $_[0]{port} }

sub url {
    my ($self, $host) = @_;
    return ($self->{certificate} ? 'https' : 'http') . '://' . ($host // '127.0.0.1') . ":$self->{port}";
}

sub serve {
    my ($self, $listener, $parent) = @_;
    my $select = IO::Select->new($listener);
    my $number = 0;
    while (getppid() == $parent) {
        next unless $select->can_read(0.5);
        my $connection = $listener->accept or next;
        $number++;
        if (fork()) {
            close $connection;
            next;
        }
        close $listener;
        # Nothing outlives the test by more than a minute.
        alarm 60;
        if ($self->{certificate}) {
            require IO::Socket::SSL;
            $connection = IO::Socket::SSL->start_SSL($connection, SSL_server => 1,
                SSL_cert_file => $self->{certificate}, SSL_key_file => $self->{key}) or POSIX::_exit(0);
        }
        $connection->autoflush(1);
        eval { $self->{handler}->($connection, $self, $number) };
        close $connection;
        POSIX::_exit(0);
    }
}

sub head {
    my ($connection) = @_;
    my $head = '';
    sysread($connection, $head, 65536, length $head) or return until $head =~ /\r\n\r\n/;
    ($head, my $rest) = split /\r\n\r\n/, $head, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @lines;
    return ($line, \%headers, $rest);
}

sub note {
    my ($self, $text) = @_;
    open(my $file, '>>', $self->{record}->filename) or die "record: $!\n";
    syswrite($file, "$text\n");
    close $file;
}

sub notes {
    my ($self) = @_;
    open(my $file, '<', $self->{record}->filename) or die "record: $!\n";
    chomp(my @lines = <$file>);
    return @lines;
}

sub stop {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    kill 'TERM', -$self->{pid};
    local $?;
    waitpid(delete $self->{pid}, 0);
}

sub DESTROY { $_[0]->stop }

1;
