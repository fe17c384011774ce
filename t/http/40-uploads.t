#!/usr/bin/perl
# Bodies: sent whole, broken off so that the other side sees it, refused before they are sent, and repeated once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use RawServer;
use Test::More;

my $MIB = 1024 * 1024;

# Takes a body and notes its length, and whether it was whole.
sub take {
    my ($connection, $self, $label, $headers, $rest) = @_;
    my $expected = $headers->{'content-length'};
    my $length = length $rest;
    print $connection "HTTP/1.1 100 Continue\r\n\r\n" if $headers->{expect};
    while ($length < $expected) {
        my $got = sysread($connection, my $block, 65536) or last;
        $length += $got;
    }
    $self->note("$label $length " . ($length == $expected ? 'whole' : 'broken'));
    return $length == $expected;
}

my $server = RawServer->new(handler => sub {
    my ($connection, $self, $number) = @_;
    while (my ($line, $headers, $rest) = RawServer::head($connection)) {
        my ($method, $path) = split / /, $line;
        $self->note("expect $path") if $headers->{expect};
        if ($path eq '/refuse') {
            # At once, without reading on; what has come already is counted.
            print $connection "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            my $length = length $rest;
            $length += length($rest) while sysread($connection, $rest, 65536);
            $self->note("refused after $length");
            return;
        }
        if ($path eq '/full') {
            print $connection "HTTP/1.1 100 Continue\r\n\r\n" if $headers->{expect};
            sysread($connection, my $some, 65536);
            print $connection "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            my $length = length($some) + length $rest;
            $length += length($some) while sysread($connection, $some, 65536);
            $self->note("full after $length");
            return;
        }
        # The second request on a connection meets a server that has just closed it.
        return if $path eq '/closing' && $self->{served}++;
        take($connection, $self, "$number$path", $headers, $rest) or return;
        print $connection "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    }
});

sub put {
    my ($path, $size, @options) = @_;
    my @responses = HttpClient::run('--put', $size, '--total', 30, @options, 'PUT', $server->url . $path);
    return wantarray ? @responses : $responses[0];
}

sub wait_for_note {
    my ($pattern) = @_;
    for (1 .. 100) {
        my ($found) = grep { $_ =~ $pattern } $server->notes;
        return $found if defined $found;
        select(undef, undef, undef, 0.1);
    }
    return '(nothing noted)';
}

is(put('/whole', 3 * $MIB + 1)->{status}, 201, 'a body of more than 3 MiB');
like(wait_for_note(qr{^\d+/whole}), qr/ 3145729 whole$/, 'arrives whole');
is(put('/empty', 0)->{status}, 201, 'an empty body');
like(wait_for_note(qr{^\d+/empty}), qr{/empty 0 whole$}, 'is announced with its length');

my $response = put('/broken', 3 * $MIB, '--break-at', 2 * $MIB);
is($response->{error}, 'interrupted', 'a body that is broken off');
like(wait_for_note(qr{^\d+/broken}), qr/broken$/, 'is seen to be incomplete');
$response = put('/unsent', 1000, '--break-at', 0);
is($response->{error}, 'interrupted', 'one that is broken off before its first byte');
like(wait_for_note(qr{^\d+/unsent}), qr/ 0 broken$/, 'is incomplete too');

$response = put('/refuse', 64 * $MIB, '--user', 'me', '--password', 'wrong');
is($response->{status}, 401, 'wrong credentials');
is(wait_for_note(qr/^refused/), 'refused after 0', 'are known before any of 64 MiB is sent');
$response = put('/full', 64 * $MIB);
is($response->{status}, 507, 'a store that becomes full on the way');
my ($sent) = wait_for_note(qr/^full/) =~ /(\d+)/;
ok(defined $sent && $sent < 64 * $MIB, 'ends the sending') or diag $sent;

ok(!(grep { m{expect /(?:unsent|empty)} } $server->notes), 'a small body is not held back');
ok((grep { m{expect /whole} } $server->notes), 'a large one is');

my @responses = put('/closing', 300_000, '--repeat', 2);
is_deeply([map { $_->{status} } @responses], [201, 201], 'a kept connection that has closed is not the end of a request');
is(scalar(grep { m{/closing 300000 whole} } $server->notes), 2, 'its body is sent again from the start');

done_testing;
