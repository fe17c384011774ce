#!/usr/bin/perl
# No server, however slow, keeps a request longer than its timeouts.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use RawServer;
use Test::More;
use Time::HiRes qw(sleep);

my $server = RawServer->new(handler => sub {
    my ($connection, $self) = @_;
    my ($line) = RawServer::head($connection);
    my ($method, $path) = split / /, $line;
    my %pauses = ('/never' => 0, '/head' => 40, '/drip' => 1, '/quick-drip' => 0.25);
    return sleep 50 if $path eq '/never';
    print $connection "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n";
    for (1 .. 40) {
        sleep $pauses{$path};
        print $connection 'x' or return;
    }
});

# A server that accepts connections and says nothing, not even in TLS.
my $mute = RawServer->new(handler => sub { sleep 50 });

sub ask {
    my ($path, @options) = @_;
    my ($response) = HttpClient::run(@options, 'GET', $server->url . $path);
    return $response;
}

is(ask('/never', '--stall', 1)->{error}, 'host_timeout', 'a server that never answers');
is(ask('/head', '--stall', 1)->{error}, 'host_timeout', 'one that stalls after the headers');
my $drip = ask('/drip', '--stall', 30, '--total', 2);
is($drip->{error}, 'host_timeout', 'a byte a second is ended by the total timeout');
like($drip->{text}, qr/^127\.0\.0\.1:\d+: ./, 'the text names host and port');
is(ask('/quick-drip', '--total', 2, '--bulk')->{error}, '', "a file's content has no total timeout");
is(ask('/never', '--stall', 1, '--bulk')->{error}, 'host_timeout', 'but the stall timeout');

my ($response) = HttpClient::run('--connect', 1, 'GET', 'https://127.0.0.1:' . $mute->port . '/');
is($response->{error}, 'host_unreachable', 'a server that is silent in the TLS handshake was not reached');

# The slow do not hold up the quick.
my @all = HttpClient::run('--together', 4, '--total', 2, '--stall', 1, 'GET', $server->url . '/never');
is(scalar(grep { $_->{error} eq 'host_timeout' } @all), 4, 'four at once all end');

done_testing;
