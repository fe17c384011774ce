#!/usr/bin/perl
# Nobody is believed without a certificate of a trusted authority, for the right name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use RawServer;
use Test::More;
use TestCa;

my $ca = TestCa->new;
my $other_ca = TestCa->new;
my $handler = sub {
    my ($connection, $self) = @_;
    my ($line, $headers) = RawServer::head($connection) or return;
    $self->note("$line $headers->{x_mytardis_key}");
    print $connection "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
};

sub server {
    my ($alternatives) = @_;
    my ($certificate, $key) = $ca->issue('server', $alternatives);
    return RawServer->new(handler => $handler, certificate => $certificate, key => $key);
}

my $right = server('DNS:localhost,IP:127.0.0.1');
my $wrong_name = server('DNS:somebody.example');
my $plain = RawServer->new(handler => sub { print {$_[0]} "HTTP/1.1 400 Bad Request\r\n\r\n" });

sub ask {
    my ($url, @options) = @_;
    my ($response) = HttpClient::run('--header', 'X_MYTARDIS_KEY:secret', '--connect', 5, @options, 'GET', "$url/");
    return $response;
}

my $got = ask($right->url, '--ca', $ca->file);
is($got->{error}, '', 'the right authority and name');
is($got->{body}, 'OK', 'an answer');
is(scalar(my @notes = $right->notes), 1, 'one request arrived');

for my $case (
    ['another authority', $right->url, '--ca', $other_ca->file],
    ["the system's authorities", $right->url],
    ['another name', $wrong_name->url, '--ca', $ca->file],
    ['a server without TLS', 'https://127.0.0.1:' . $plain->port, '--ca', $ca->file],
    ['a file that holds no certificate', $right->url, '--ca', __FILE__],
) {
    my ($name, $url, @options) = @$case;
    my $response = ask($url, @options);
    is($response->{error}, 'tls_failed', $name);
    like($response->{text}, qr/^127\.0\.0\.1:\d+: ./, 'the text names host, port and reason');
    unlike($HttpClient::output, qr/secret/, 'and not the key');
}
is(scalar(@notes = $right->notes), 1, 'no request was sent to a server that was not believed');
is(scalar(@notes = $wrong_name->notes), 0, 'nor to one of another name');

$got = ask($right->url, '--ca', '/nonexistent/ca.pem');
is($got->{error}, 'config_invalid', 'a CA file that is not there');
like($got->{text}, qr{/nonexistent/ca\.pem}, 'is named');

done_testing;
