package ScriptedServer;

# What the servers that tests script have in common: a loopback port, a process group of their own that ends with the
# test, and a record of what was seen. A subclass says what happens on a connection:
#
#   sub converse { my ($self, $connection, $number) = @_; ... $self->record(\%what) }
#
# Options: port (default: a free one); parallel => 1: a process for each connection, without shared variables.

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();

sub new {
    my ($class, %options) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $options{port} // 0, Listen => 64,
        ReuseAddr => 1) or die "listen: $!\n";
    my $file = File::Temp->new(TEMPLATE => 'scripted-XXXXXXXX', TMPDIR => 1);
    my $self = bless {%options, port => $listener->sockport, file => $file, owner => $$}, $class;
    my $parent = $$;
    $self->{pid} = fork() // die "fork: $!\n";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        POSIX::setpgid(0, 0);
        $SIG{PIPE} = 'IGNORE';
        $SIG{CHLD} = 'IGNORE' if $self->{parallel};
        eval { $self->serve($listener, $parent) };
        print STDERR "$class: $@" if $@;
        POSIX::_exit(0);
    }
    POSIX::setpgid($self->{pid}, $self->{pid});
    close $listener;
    return $self;
}

sub port { return $_[0]{port} }

# Ends it with its connections; the port is free afterwards.
sub stop {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{pid};
    kill 'TERM', -$self->{pid};
    local $?;
    waitpid(delete $self->{pid}, 0);
}

sub DESTROY { $_[0]->stop }

sub serve {
    my ($self, $listener, $parent) = @_;
    my $select = IO::Select->new($listener);
    my $number = 0;
    while (getppid() == $parent) {
        next unless $select->can_read(0.5);
        my $connection = $listener->accept or next;
        $number++;
        if ($self->{parallel} && fork()) {
            close $connection;
            next;
        }
        close $listener if $self->{parallel};
        $self->attend($connection, $number);
        POSIX::_exit(0) if $self->{parallel};
    }
}

# No connection lasts longer than a minute, whatever becomes of the test.
sub attend {
    my ($self, $connection, $number) = @_;
    local $SIG{ALRM} = sub { die "a minute has passed\n" };
    alarm 60;
    $connection->autoflush(1);
    eval { $self->converse($connection, $number) };
    alarm 0;
    close $connection;
}

sub record {
    my ($self, $what) = @_;
    open(my $file, '>>', $self->{file}->filename) or die "record: $!\n";
    syswrite($file, JSON::PP->new->ascii->allow_nonref->encode($what) . "\n");
    close $file;
}

# What was recorded so far, in order.
sub recorded {
    my ($self) = @_;
    open(my $file, '<', $self->{file}->filename) or die "recorded: $!\n";
    return map { JSON::PP->new->allow_nonref->decode($_) } <$file>;
}

1;
