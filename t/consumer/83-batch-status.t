#!/usr/bin/perl
# A provider that says so is asked about many experiments at once; each answer is taken by itself, and every other
# provider is asked as an original is.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $gate = $bed->dir . '/gate';
$bed->set_option('consumer', 'retry_minimum', 100);
$bed->set_option('consumer', 'retry_maximum', 1000);
$bed->set_option('consumer', 'poll_interval', 1000);
$bed->set_option('consumer', 'total_timeout', 3);

# What the provider below /NAME answers to GET /apps/sync/provider/; then to POST status/, given the uids.
my %index = (
    original => {status => 404, body => 'Not Found'},
    html => {status => 200, body => '<html>welcome</html>'},
    list => {status => 200, body => '[]'},
    nothing => {status => 200, body => '{}'},
    later => {status => 200, body => '{"protocol": 2, "batch_status": 1000}'},
    none => {status => 200, body => '{"protocol": 1}'},
    text => {status => 200, body => '{"protocol": 1, "batch_status": "1000"}'},
    zero => {status => 200, body => '{"protocol": 1, "batch_status": 0}'},
    refused => {status => 500, body => 'boom'},
    small => {status => 200, body => '{"protocol": 1, "batch_status": 7, "more": [1]}'},
);
my %special = (
    complete => {status => 1}, failed => {status => 3, message => 'disk on fire'}, nine => {status => 9},
    list => [], null => undef, wrong => {status => 2, message => 7}, long => {status => 2, message => 'x' x 3500},
);
my %statuses = (
    gated => sub { for (1 .. 400) { last unless -e $gate; sleep 0.05 } return },
    down => sub { return {status => 503, headers => {'Retry-After' => 500}} },
    late => sub { return {status => 200, delay => 6} },
    bad => sub { return {status => 400, body => 'no'} },
    garbage => sub { return {status => 200, body => '{"statuses": {"a": '} },
    another => sub { return {status => 200, body => '{"status": 2}'} },
);

sub tell_all {
    my (@uids) = @_;
    my %told;
    for my $uid (grep { !/missing/ } @uids) {
        my ($what) = $uid =~ /^([a-z]+)/;
        $told{$uid} = exists $special{$what} ? $special{$what} : {status => 2, progress => "1 of 2 files"};
    }
    return {status => 200, body => encode_json({statuses => {%told, 'not.asked' => {status => 1}}})};
}

my $fake = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    my ($name, $path) = $request->{path} =~ m{^/(\w+)/apps/sync/provider/(.*)} or return {status => 404};
    return $index{$name} // {status => 200, body => '{"protocol": 1, "batch_status": 1000}'} if $path eq '';
    return answer(status => 2, progress => '1 of 2 files') if $path =~ m{^status/.};
    return {status => 200, body => 'OK'} if $path eq 'get/';
    my $answer = $statuses{$name} && $statuses{$name}->();
    return $answer // tell_all($request->{body} =~ /uid=([^&]+)/g);
});

# ($name, \@uids, $state): what the provider is asked in one tick about experiments with these uids, and their ids.
my $seen = 0;
sub ask {
    my ($name, $uids, $state) = @_;
    my $url = $fake->url . "/$name";
    add_provider($bed, $url, KEY) unless $bed->slurp($bed->env('CONSUMER_CONF')) =~ /"\Q$url\E"/;
    my %id = map { $_ => follow($bed, provider => $url, uid => $_, state => $state // 'InProgress') } @$uids;
    my ($status, $out, $err) = tick($bed);
    is($status, 0, "$name: the tick succeeds");
    my @requests = $fake->requests;
    my @new = @requests[$seen .. $#requests];
    $seen = @requests;
    is_deeply([grep { ($_->{headers}{x_mytardis_key} // '') ne KEY } @new], [], 'every request has the key');
    my %asked = (index => 0, together => 0, single => 0);
    for my $request (@new) {
        my ($path) = $request->{path} =~ m{/apps/sync/provider/(.*)};
        $asked{$path eq '' ? 'index' : $path eq 'status/' ? 'together' : 'single'}++;
    }
    return (\%asked, \%id, \@new, $out);
}

sub plain { my ($prefix, $count) = @_; return map { "$prefix.$_" } 1 .. $count }

subtest 'many at once' => sub {
    my ($asked, $id, $requests) = ask('batch', [plain('many', 30)]);
    is_deeply($asked, {index => 1, together => 1, single => 0}, 'one question to find out, one about all');
    my ($post) = grep { $_->{method} eq 'POST' } @$requests;
    is($post->{headers}{'content-type'}, 'application/x-www-form-urlencoded', 'a form');
    is_deeply([sort $post->{body} =~ /uid=([^&]+)/g], [sort keys %$id], 'with each uid once');
    for my $name (sort keys %$id) {
        my ($error, $attempts, $document, $free) = row($bed, $id->{$name},
            qw(error_code attempts status_document), 'lease_owner IS NULL AND next_attempt_at > UTC_TIMESTAMP()');
        ok(!defined $error && $attempts == 0 && $document =~ /1 of 2 files/ && $free, "$name has its answer");
    }
    settle($bed);
};

subtest 'each answer by itself' => sub {
    my @uids = (plain('usual', 12), map { "$_.1" } qw(complete failed nine list null wrong missing));
    my ($asked, $id, $requests, $out) = ask('batch', \@uids, 'Requested');
    is_deeply($asked, {index => 1, together => 1, single => 0}, 'asked about together');
    is(state($bed, $id->{$_}), 'InProgress', "$_ goes on") for grep { /^usual/ } @uids;
    is(state($bed, $id->{'failed.1'}), 'FailPermanent', 'one has failed');
    like(row($bed, $id->{'failed.1'}, 'error_text'), qr/disk on fire/, 'with its reason');
    isnt(state($bed, $id->{'complete.1'}), 'InProgress', 'one is there');
    ok((grep { /^transition Requested CheckingIntegrity/ } events($bed, $id->{'complete.1'})), 'and is checked');
    for my $name (map { "$_.1" } qw(nine list null wrong missing)) {
        my ($state, $code, $text, $attempts) = row($bed, $id->{$name}, qw(state error_code error_text attempts));
        is("$state $code $attempts", 'Requested answer_malformed 1', "$name is tried again");
        like($text, qr{^\Q@{[$fake->url]}\E/batch/apps/sync/provider/status/: uid \Q$name\E: }, 'the text names it');
    }
    like($out, qr/ 5 errors/, 'counted');
    settle($bed);
};

subtest 'no more at once than it takes' => sub {
    my ($asked, $id, $requests) = ask('small', [plain('few', 30)]);
    is_deeply($asked, {index => 1, together => 5, single => 0}, 'seven at a time');
    my @counts = map { scalar(() = $_->{body} =~ /uid=/g) } grep { $_->{method} eq 'POST' } @$requests;
    is_deeply([grep { $_ > 7 } @counts], [], 'never more');
    is((grep { row($bed, $_, 'status_document IS NOT NULL') } values %$id), 30, 'each has its answer');
    settle($bed);
};

subtest 'a long answer' => sub {
    my ($asked, $id) = ask('batch', [plain('long', 40)]);
    is_deeply($asked, {index => 1, together => 1, single => 0}, 'to one question');
    is((grep { !defined row($bed, $_, 'error_code') } values %$id), 40, 'is read, longer than one status may be');
    settle($bed);
};

subtest 'a handful' => sub {
    my ($asked) = ask('batch', [plain('handful', 8)]);
    is_deeply($asked, {index => 0, together => 0, single => 8}, 'is asked about one by one');
    settle($bed);
    ($asked) = ask('batch', [plain('asking', 12)], 'Ingested');
    is_deeply($asked, {index => 0, together => 0, single => 12}, 'and to ask for files is another matter');
    settle($bed);
};

subtest 'an original' => sub {
    for my $name (sort grep { $_ ne 'small' } keys %index) {
        my ($asked, $id) = ask($name, [plain("usual$name", 10)]);
        is_deeply($asked, {index => 1, together => 0, single => 10}, 'found out once, then one by one');
        is((grep { row($bed, $_, 'attempts = 0 AND status_document IS NOT NULL') } values %$id), 10,
            'and no error');
        settle($bed);
    }
};

subtest 'errors of the whole request' => sub {
    my %code = (down => 'provider_error', late => 'provider_timeout');
    for my $name (sort keys %code) {
        my ($asked, $id) = ask($name, [plain("all$name", 10)]);
        is_deeply($asked, {index => 1, together => 1, single => 0}, 'it is not repeated for each');
        is((grep { join(' ', row($bed, $_, 'attempts', 'error_code')) eq "1 $code{$name}" } values %$id), 10,
            "each has $code{$name}");
        my ($wait) = sort { $a <=> $b }
            map { row($bed, $_, 'TIMESTAMPDIFF(SECOND, updated_at, next_attempt_at)') } values %$id;
        cmp_ok($wait, '>=', 499, 'and waits as long as it asked for') if $name eq 'down';
        settle($bed);
    }
    for my $name (qw(bad garbage another)) {
        my ($asked, $id) = ask($name, [plain("all$name", 10)]);
        is_deeply($asked, {index => 1, together => 1, single => 10}, 'nonsense: each is asked about by itself');
        is((grep { row($bed, $_, 'attempts = 0 AND error_code IS NULL') } values %$id), 10, 'and has no error');
        settle($bed);
    }
};

subtest 'what others did meanwhile' => sub {
    my (undef, $id) = ask('gated', [plain('same', 40)]);
    my ($lost, $notified, @rest) = map { $id->{$_} } sort keys %$id;
    my %before = map { $_ => row($bed, $_, 'status_document') } @rest;
    $bed->sql('consumer', 'UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6), attempts = 3, '
        . "error_code = 'provider_error' WHERE uid LIKE 'same.%'");
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests >= $seen + 2 }) or die "the tick asks nothing\n";
    change($bed, $lost, "lease_owner = 'somebody:else:1'");
    is(notify_of($bed, row($bed, $notified, 'uid')), 204, 'a notification is accepted');
    unlink $gate;
    waitpid $pid, 0;
    $seen = $fake->requests;
    is($?, 0, 'the tick succeeds');
    is(join(' ', row($bed, $lost, qw(lease_owner attempts error_code))), 'somebody:else:1 3 provider_error',
        'what was taken over is left alone');
    is(row($bed, $notified, 'next_attempt_at <= UTC_TIMESTAMP(6) AND lease_owner IS NULL'), 1,
        'what was notified of is due at once');
    is((grep { row($bed, $_, 'attempts = 0 AND error_code IS NULL AND lease_owner IS NULL AND lease_until IS NULL
        AND next_attempt_at > UTC_TIMESTAMP(6) + INTERVAL 900 SECOND') } @rest), 38, 'the others are saved');
    is_deeply({map { $_ => row($bed, $_, 'status_document') } @rest}, \%before, 'their answers said nothing new');
    settle($bed);
};

subtest 'the provider of this project' => sub {
    $bed->expect_log(qr/there is no experiment .* \[uid_unknown\]/);
    my @ids = map { follow($bed, provider => $bed->env('PROVIDER_URL'), uid => "tardis.$_", state => 'InProgress') }
        901 .. 920;
    my ($status, $out) = tick($bed);
    is($status, 0, 'the tick succeeds');
    my @codes = map { row($bed, $_, 'error_code') // 'none' } @ids;
    is_deeply([grep { $_ ne 'transfer_bad_request' } @codes], [], 'it knows none of these');
    like($bed->slurp($bed->dir . '/log/provider-access.log'), qr{"POST /apps/sync/provider/status/" 200},
        'and was asked about all of them');
};

done_testing;
