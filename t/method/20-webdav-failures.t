#!/usr/bin/perl
# What a webdav server does wrong is told by its own name, and ends the sending.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use DavServer;
use HttpClient;
use MethodClient;
use RawServer;
use Test::More;

my $source = MethodClient->new({'one' => '1' x 1000, 'two' => '2' x 1000, 'big' => 'b' x 30_000_000});

sub settings {
    my ($url, @more) = @_;
    return [map { ('--set', $_) } 'type=webdav', "sl=$url", 'user=dav', @more];
}

subtest 'a real server that refuses' => sub {
    my $dav = DavServer->new;
    my $run = $source->move(settings($dav->url, 'password=wrong'), '1');
    is($run->{result}, 'destination_refused', 'a wrong password');
    unlike("$run->{text}", qr/wrong/, 'the password is not told');
    is_deeply($run->{done}, {}, 'it is the job that ends, not a file');
    is_deeply(MethodClient::contents($dav->store), {}, 'nothing arrived');
    is(scalar(grep { /^PUT/ } $dav->log), 0, 'and nothing was sent');
    $run = $source->move(settings($dav->url, 'password=' . $dav->password, 'serversite=/absent'), '1', 'one');
    is($run->{done}{one}, 'destination_error', 'a serversite that does not exist');
    like($run->{why}{one}, qr/MKCOL of 1: http:\/\/127\.0\.0\.1:\d+ answered with HTTP status 409/, 'what was asked and answered');
    $dav->stop;
    $run = $source->move(settings($dav->url, 'password=' . $dav->password), '1');
    is($run->{result}, 'consumer_unreachable', 'a server that is down');
    like($run->{text}, qr/127\.0\.0\.1:\d+/, 'host and port are named');
};

subtest 'a file larger than the server takes' => sub {
    my $dav = DavServer->new(extra => "LimitRequestBody 100000\n");
    my $run = $source->move(settings($dav->url, 'password=' . $dav->password), '1', 'big');
    is($run->{result}, 'destination_full', 'is told as such');
};

# A scripted server: makes every directory, and answers a PUT with what the case says.
sub scripted {
    my ($put) = @_;
    return RawServer->new(handler => sub {
        my ($connection, $self, $number) = @_;
        while (my ($line, $headers, $rest) = RawServer::head($connection)) {
            if ($line =~ /^MKCOL/) {
                print $connection "HTTP/1.1 405 Exists\r\nContent-Length: 0\r\n\r\n";
                next;
            }
            $self->note($line);
            return unless $put->($connection, $self, $headers, $rest);
        }
    });
}

sub take_body {
    my ($connection, $headers, $rest) = @_;
    print $connection "HTTP/1.1 100 Continue\r\n\r\n" if $headers->{expect};
    my $length = length $rest;
    while ($length < $headers->{'content-length'}) {
        $length += sysread($connection, $rest, 65536) || return 0;
    }
    return 1;
}

sub early {
    my ($status) = @_;
    return sub {
        my ($connection, $self, $headers, $rest) = @_;
        print $connection "HTTP/1.1 100 Continue\r\n\r\n" if $headers->{expect};
        print $connection "HTTP/1.1 $status Early\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 9\r\n\r\n";
        my $length = length $rest;
        while (my $got = sysread($connection, $rest, 65536)) {
            $length += $got;
        }
        $self->note("sent $length");
        return 0;
    };
}

for my $case ([507, 'destination_full'], [401, 'destination_refused'], [403, 'destination_refused']) {
    my ($status, $code) = @$case;
    my $server = scripted(early($status));
    my $run = $source->move(settings($server->url), '1', 'big');
    is($run->{result}, $code, "$status while a file is being sent") or diag $run->{text};
    is_deeply($run->{done}, {}, 'ends the job');
    my ($sent) = map { /^sent (\d+)/ } do { sleep 1; $server->notes };
    ok(defined $sent && $sent < 30_000_000, 'and the sending') or diag $sent // 'nothing noted';
}

subtest 'errors of one file' => sub {
    my $server = scripted(sub {
        my ($connection, $self, $headers, $rest) = @_;
        take_body($connection, $headers, $rest) or return 0;
        my ($last) = reverse $self->notes;
        print $connection 'HTTP/1.1 ', ($last =~ /two/ ? '500 No' : '201 Yes'), "\r\nContent-Length: 0\r\n\r\n";
        return 1;
    });
    my $run = $source->move([@{settings($server->url)}, '--parallel', 1], '1', 'two', 'one');
    is($run->{result}, 'ok', 'do not end the job');
    is_deeply($run->{done}, {one => 'ok', two => 'destination_error'}, 'the others arrive');
    like($run->{why}{two}, qr/PUT of two: .* HTTP status 500/, 'the answer is told');
};

subtest 'a server that accepts what it has not got' => sub {
    my $server = scripted(sub {
        my ($connection) = @_;
        print $connection "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return 0;
    });
    my $run = $source->move(settings($server->url), '1', 'big');
    isnt($run->{done}{big} // 'not done', 'ok', 'is not believed');
};

subtest 'a directory that is removed on the way' => sub {
    my $server = RawServer->new(handler => sub {
        my ($connection, $self) = @_;
        while (my ($line, $headers, $rest) = RawServer::head($connection)) {
            $self->note($line);
            if ($line =~ /^PUT/) {
                take_body($connection, $headers, $rest) or return;
                my $puts = grep { /^PUT/ } $self->notes;
                print $connection 'HTTP/1.1 ', ($puts == 1 ? '409 Conflict' : '201 Created'), "\r\nContent-Length: 0\r\n\r\n";
                next;
            }
            print $connection "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        }
    });
    my $run = $source->move(settings($server->url), '1', 'one');
    is_deeply($run->{done}, {one => 'ok'}, 'is made again');
    is(scalar(grep { /^MKCOL/ } $server->notes), 2, 'once');
    is($run->{moved}, 1000, 'what is sent twice is counted once');
};

subtest 'a server that stalls' => sub {
    my $server = scripted(sub { sleep 50; return 0 });
    my $run = $source->move([@{settings($server->url)}, '--stall', 1], '1', 'big');
    is($run->{result}, 'consumer_timeout', 'is given up');
    ok($run->{longest} < 5000, 'and ticks came meanwhile') or diag $run->{longest};
};

subtest 'interrupted' => sub {
    my $slow = scripted(sub {
        my ($connection, $self, $headers, $rest) = @_;
        print $connection "HTTP/1.1 100 Continue\r\n\r\n" if $headers->{expect};
        my $length = length $rest;
        while (my $got = sysread($connection, $rest, 65536)) {
            $length += $got;
            select(undef, undef, undef, 0.05) if $length < 5_000_000;
        }
        $self->note("sent $length");
        return 0;
    });
    my $run = $source->move([@{settings($slow->url)}, '--break-after', 1_000_000], '1', 'big');
    is($run->{result}, 'interrupted', 'a tick that says so breaks off');
    is_deeply($run->{done}, {}, 'the file is not done');
    my ($sent) = map { /^sent (\d+)/ } do { sleep 6; $slow->notes };
    ok(defined $sent && $sent < 30_000_000, 'and the server sees that it is not whole') or diag $sent // 'nothing noted';

    my $dav = DavServer->new;
    my @settings = @{settings($dav->url, 'password=' . $dav->password)};
    $run = $source->move([@settings, '--stop-after', 1, '--parallel', 1], '1', 'one', 'two');
    is($run->{result}, 'ok', 'a done that says so stops');
    is_deeply($run->{done}, {one => 'ok'}, 'after the files in flight');
    kill_half_way($dav, @settings);
};

# Killed hard: nothing looks whole that is not, and the next run makes it so.
sub kill_half_way {
    my ($dav, @settings) = @_;
    my $large = MethodClient->new({map { ("f$_" => chr(64 + $_) x 20_000_000) } 1 .. 6});
    my ($pid, $output, $list) = $large->start([@settings, '--parallel', 3], '9');
    my $first = <$output>;
    kill 'KILL', $pid;
    close $output;
    sleep 1;
    my $got = MethodClient::contents($dav->store . '/9');
    my @torn = grep { /^f\d$/ && length $got->{$_} != 20_000_000 } keys %$got;
    is_deeply(\@torn, [], 'killed: no file is at its place in part');
    my $run = $large->move(\@settings, '9');
    is_deeply($run->{done}, {map { ("f$_" => 'ok') } 1 .. 6}, 'run again: all are there');
    $got = MethodClient::contents($dav->store . '/9');
    is(scalar(grep { /^f\d$/ && length $got->{$_} == 20_000_000 } keys %$got), 6, 'and whole');
}

done_testing;
