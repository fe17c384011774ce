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
use parent 'ScriptedServer';

sub new {
    my ($class, %options) = @_;
    return $class->SUPER::new(%options, parallel => 1);
}

sub url {
    my ($self, $host) = @_;
    return ($self->{certificate} ? 'https' : 'http') . '://' . ($host // '127.0.0.1') . ":$self->{port}";
}

sub converse {
    my ($self, $connection, $number) = @_;
    if ($self->{certificate}) {
        require IO::Socket::SSL;
        $connection = IO::Socket::SSL->start_SSL($connection, SSL_server => 1,
            SSL_cert_file => $self->{certificate}, SSL_key_file => $self->{key}) or return;
        $connection->autoflush(1);
    }
    $self->{handler}->($connection, $self, $number);
    close $connection;
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

sub note { return $_[0]->record($_[1]) }

sub notes { return $_[0]->recorded }

1;
