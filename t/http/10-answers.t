#!/usr/bin/perl
# What other sides answer is told as it is, bounded, and never followed elsewhere.
use strict;
use warnings;
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use POSIX qw(strftime);
use RawServer;
use Test::More;

my $elsewhere = RawServer->new(handler => sub {
    my ($connection, $self) = @_;
    $self->note('asked');
    print $connection "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
});

my %answers = (
    '/ok' => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Note:  two  words \r\nContent-Length: 5\r\n\r\nhello",
    '/empty' => "HTTP/1.1 204 No Content\r\n\r\n",
    '/html' => "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>",
    '/redirect' => "HTTP/1.1 302 Found\r\nLocation: " . $elsewhere->url . "/\r\nContent-Length: 0\r\n\r\n",
    '/busy' => "HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n",
    '/busy-for-ever' => "HTTP/1.1 503 Busy\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
    '/busy-nonsense' => "HTTP/1.1 503 Busy\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n",
    '/continue' => "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    '/announced' => "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n",
    '/headers' => "HTTP/1.1 200 OK\r\n" . ("X-Long: " . 'h' x 8000 . "\r\n") x 20 . "\r\n",
    '/cut' => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    '/old' => "just text\n",
    '/silent' => '',
);

my $server = RawServer->new(handler => sub {
    my ($connection, $self, $number) = @_;
    while (my ($line, $headers, $body) = RawServer::head($connection)) {
        my ($method, $path) = split / /, $line;
        my $length = $headers->{'content-length'} // 0;
        sysread($connection, $body, 65536, length $body) or return while length($body) < $length;
        $body =~ s/\r\n/|/g;
        $self->note("$number $method $path $body");
        $self->note("$number $_: $headers->{$_}") for sort keys %$headers;
        my $answer = $answers{$path};
        if ($path eq '/date') {
            my $date = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 600));
            $answer = "HTTP/1.1 503 Busy\r\nRetry-After: $date\r\nContent-Length: 0\r\n\r\n";
        }
        if ($path eq '/endless') {
            print $connection "HTTP/1.1 200 OK\r\n\r\n";
            my $sent = 0;
            $sent += 65536 while $sent < 256 * 1024 * 1024 && print $connection 'x' x 65536;
            $self->note("$number endless $sent");
            return;
        }
        print $connection $answer;
        return if $path =~ m{^/(?:cut|old|silent|announced|headers)$};
    }
});

sub ask {
    my ($path, @options) = @_;
    my ($response) = HttpClient::run('--total', 20, @options, 'GET', $server->url . $path);
    return $response;
}

my $host = '127.0.0.1:' . $server->port;

subtest 'an answer is told whole' => sub {
    my $got = ask('/ok');
    is($got->{error}, '', 'no error');
    is($got->{status}, 200, 'status');
    is($got->{body}, 'hello', 'body');
    is($got->{headers}{'x-note'}, 'two  words', 'a header, without the white space around it');
    is(ask('/empty')->{status}, 204, 'an answer without a body');
    is(ask('/html')->{status}, 502, "a proxy's page is an answer");
    $got = ask('/continue');
    is($got->{status}, 200, 'the final status after an interim one');
    is($got->{headers}{'x-early'}, undef, 'headers of the final answer only');
};

subtest 'redirects are not followed' => sub {
    my $got = ask('/redirect', '--header', 'X_MYTARDIS_KEY:the-key');
    is($got->{status}, 302, 'the redirect is the answer');
    is_deeply([$elsewhere->notes], [], 'nobody else was asked');
};

subtest 'Retry-After' => sub {
    is(ask('/busy')->{retry_after}, 17, 'seconds');
    my $wait = ask('/date')->{retry_after};
    ok($wait > 500 && $wait <= 600, 'a date') or diag $wait;
    is(ask('/busy-for-ever')->{retry_after}, 86400, 'at most a day');
    is(ask('/busy-nonsense')->{retry_after}, 0, 'nonsense is none');
    is(ask('/ok')->{retry_after}, 0, 'none');
};

subtest 'answers are bounded' => sub {
    my $got = ask('/announced');
    is($got->{error}, 'answer_too_large', 'a body that is announced as too large');
    is($got->{status}, 200, 'with its status');
    $got = ask('/endless');
    is($got->{error}, 'answer_too_large', 'a body that does not end');
    ok((grep { /^\d+ endless (\d+)/ && $1 < 64 * 1024 * 1024 } $server->notes) || !(grep { /endless \d/ } $server->notes),
        'the connection was closed long before its end');
    is(ask('/headers')->{error}, 'answer_too_large', 'headers that do not end');
    is(ask('/ok', '--maximum', 4)->{error}, 'answer_too_large', 'one byte over the limit');
    is(ask('/ok', '--maximum', 5)->{error}, '', 'exactly the limit');
};

subtest 'broken answers' => sub {
    for my $path ('/cut', '/old', '/silent') {
        my $got = ask($path);
        is($got->{error}, 'host_unreachable', $path);
        like($got->{text}, qr/^\Q$host\E: ./, 'names host and port and a reason');
    }
    my ($gone) = HttpClient::run('GET', 'http://127.0.0.1:1/');
    is($gone->{error}, 'host_unreachable', 'nobody listens');
    is($gone->{status}, 0, 'and no status');
    ($gone) = HttpClient::run('GET', 'http://no-such-host.invalid/');
    is($gone->{error}, 'host_unreachable', 'a name that does not resolve');
};

subtest 'what is no http URL is not asked' => sub {
    for my $url ('ftp://127.0.0.1/', 'file:///etc/passwd', "http://user:secret\@$host/ok", 'nonsense') {
        my ($got) = HttpClient::run('GET', $url);
        is($got->{error}, 'internal_error', $url);
        unlike($HttpClient::output, qr/secret|root:/, 'nothing is given away');
    }
};

subtest 'what is sent' => sub {
    my $url = $server->url . '/ok';
    HttpClient::run('--field', 'uid=tardis.1', '--field', 'dest_path=a b&c/%', '--header', 'X_MYTARDIS_KEY:k', 'POST', $url);
    my @notes = $server->notes;
    ok((grep { /^\d+ POST \/ok uid=tardis\.1&dest_path=a%20b%26c%2F%25$/ } @notes), 'urlencoded fields');
    ok((grep { /content-type: application\/x-www-form-urlencoded$/ } @notes), 'labelled so');
    ok((grep { /x_mytardis_key: k$/ } @notes), 'a header with underscores');
    ok((grep { /user-agent: tardis-transfer\// } @notes), 'a user agent');

    my $file = File::Temp->new;
    print $file '<mets/>';
    close $file;
    HttpClient::run('--part', 'username=me', '--file', 'xmldata=' . $file->filename, 'POST', $url);
    my ($multipart) = grep { /Content-Disposition/ } $server->notes;
    like($multipart, qr/form-data; name="username"\|\|me\|/, 'a text part');
    like($multipart, qr/form-data; name="xmldata"; filename="METS.xml"\|Content-Type: text\/xml\|\|<mets\/>\|/, 'a file part');
    my ($got) = HttpClient::run('--file', 'xmldata=/nonexistent/file', 'POST', $url);
    is($got->{error}, 'io_error', 'a file that is not there');

    HttpClient::run('--user', 'me', '--password', 'secret', 'GET', $url);
    ok((grep { /authorization: Basic bWU6c2VjcmV0$/ } $server->notes), 'credentials go with the first request');
    HttpClient::run($_, $url) for qw(MKCOL HEAD POST);
    ok((grep { /^\d+ MKCOL \/ok $/ } $server->notes), 'another method');
    ok((grep { /^\d+ HEAD \/ok $/ } $server->notes), 'HEAD');
    ok((grep { /^\d+ POST \/ok $/ } $server->notes), 'POST without a body');
};

subtest 'connections are kept' => sub {
    my $before = my @notes = $server->notes;
    my @got = HttpClient::run('--repeat', 5, 'GET', $server->url . '/ok');
    is(scalar(grep { $_->{status} == 200 } @got), 5, 'five answers');
    @notes = $server->notes;
    my %connections = map { /^(\d+) GET/ ? ($1 => 1) : () } @notes[$before .. $#notes];
    is(scalar keys %connections, 1, 'over one connection');
    $before = @notes;
    @got = HttpClient::run('--together', 40, '--hosts', 3, 'GET', $server->url . '/ok');
    is(scalar(grep { $_->{status} == 200 } @got), 40, 'forty at the same time');
    @notes = $server->notes;
    %connections = map { /^(\d+) GET/ ? ($1 => 1) : () } @notes[$before .. $#notes];
    ok(keys %connections <= 3, 'over at most three connections') or diag explain \%connections;
};

done_testing;
